# What the commands about the queue print.
queue-length = { $waiting ->
    [one] { $waiting } request waits
   *[other] { $waiting } requests wait
}, { $held ->
    [one] { $held } is being painted
   *[other] { $held } are being painted
}.
queue-held = painting  { $request }  for { $person }, by { $worker } at { $level }, asked { $minutes } min ago, failed attempts: { $attempts }
queue-waiting = waiting   { $request }  for { $person }, asked { $minutes } min ago, failed attempts: { $attempts }
queue-no-job = There is no request { $request }: give its id or the beginning of it, as the queue shows it.
queue-many-jobs = Several requests begin with { $request }: give more of the id.
queue-not-retried = The request { $request } has neither failed nor been cancelled: there is nothing to retry.
queue-retried = The request { $request } is asked for again as { $again }.
queue-not-dropped = The request { $request } has ended already.
queue-dropped = The request { $request } is dropped.
drain-on = Draining: workers end what they have and take no more, and new requests are refused kindly. `prompt2pic drain --off` ends it.
drain-off = Draining is over: requests are taken again.
draining = New requests are not taken just now, because of maintenance: please come back a little later. What waits will be painted afterwards.
told-asked = { $time }  { $request } was asked for
told-claimed = { $time }  { $worker } took it, to paint at { $level } in about { $predicted } s, with a lease of { $lease } s
told-started = { $time }  painting began
told-progressed = { $time }  { $percent } % done
told-released = { $time }  the worker gave it back ({ $reason })
told-failed = { $time }  the attempt failed ({ $reason }){ $final ->
    [true] {""}, and it was given up
   *[false] {""}
}
told-expired = { $time }  the worker was silent for too long{ $final ->
    [true] {""}, and it was given up
   *[false] {""}
}
told-cancelled = { $time }  cancelled by the { $by ->
    [operator] owner
   *[other] person
}
told-finished = { $time }  finished: { $pictures ->
    [one] { $pictures } picture
   *[other] { $pictures } pictures
} painted by { $worker } at { $level } in { $seconds } s
told-announced = { $time }  the person was told that it waits
told-delivered = { $time }  delivered
