# Who is let in, and keys of requests.
key-missing = This server needs an API key: send it as "Authorization: Bearer KEY", or as the password your browser asks for.
key-wrong = This API key is not known here: check it, or ask the owner of this server for one.
host-unknown = This server does not answer to the name { $host }: its owner can add it with PROMPT2PIC_ALLOWED_HOSTS.
origin-foreign = A page of { $origin } sent this, and only this server's own page may: open the page itself.
idempotency-key-reused = This Idempotency-Key came with another request before: take a new key for a new request.
idempotency-key-in-flight = A call with this Idempotency-Key is being answered right now: wait for its answer, or ask again in a moment.
