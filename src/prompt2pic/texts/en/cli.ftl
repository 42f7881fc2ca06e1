# What the command line prints.
open-page = Ready: open { $address } in a browser. Ctrl-C stops everything.
bot-left-out = The Telegram bot is left out: no token is set ({ $setting }).
loading = Loading the model: { $percent } %
painted = { $path } (seed { $seed })
doctor-settings = Settings are fine; data is kept in { $folder }.
doctor-log = The log { $log } can be read and written; it holds { $records ->
    [one] { $records } record
   *[other] { $records } records
}.
doctor-store = The picture store { $store } can be read and written.
doctor-model = The model { $model } paints on { $device }; seconds a picture: { $seconds }.
doctor-revision = Its files are those of the commit { $revision }.
doctor-translator = People may ask in these languages: { $languages }.
doctor-translator-none = Prompts are not translated, as { $setting } says.
doctor-page = The page can be served at { $address }.
doctor-metrics = Metrics and health can be served at port { $port }.
doctor-kafka = Kafka at { $log } answers: { $brokers ->
    [one] { $brokers } broker
   *[other] { $brokers } brokers
}.
doctor-kafka-away = { $why ->
    [name] The host of { $path } has no address: check the name in PROMPT2PIC_LOG
    [refused] Nothing listens at { $path }: check that the brokers run, and the port in PROMPT2PIC_LOG
    [password] Kafka at { $path } does not know this user with this password: check PROMPT2PIC_KAFKA_SASL_USERNAME and PROMPT2PIC_KAFKA_SASL_PASSWORD
    [mechanism] Kafka at { $path } does not take this way to log in: set PROMPT2PIC_KAFKA_SASL_MECHANISM to one that it names
    [certificate] The certificate of Kafka at { $path } is not trusted: name that of its authority with PROMPT2PIC_KAFKA_SSL_CA_LOCATION
    [protocol] One side speaks TLS and the other does not: set PROMPT2PIC_KAFKA_SECURITY_PROTOCOL to what { $path } listens for
   *[silence] Kafka at { $path } does not answer: check that it runs, and that no firewall stands between
} ({ $reason }).
doctor-topics = The topics are as they should be; requests are spread over { $partitions ->
    [one] { $partitions } partition
   *[other] { $partitions } partitions
}.
doctor-topics-differ = { $first }{ $others ->
    [0] {""}
   *[other] {""} More differs: `prompt2pic topics --check` tells all ({ $others }).
}
doctor-rights = This user may do what is needed as: { $roles }.
doctor-rights-lacking = This user lacks rights on topics to be a { $role } ({ $rights }): give them with `prompt2pic topics --acl`.
doctor-clock = This machine's clock and the log's are { NUMBER($seconds, maximumFractionDigits: 1) } s apart.
doctor-clock-apart = This machine's clock and the log's are { NUMBER($seconds, maximumFractionDigits: 1) } s apart, more than { $most } s: set them by NTP, here and on the brokers.
doctor-clock-unknown = The log's clock can not be seen, as no worker gave a sign just now and this user may not write `settings`.
doctor-frontier = A worker that starts has { $requests ->
    [0] no requests to read.
    [one] { $requests } request to read, asked for { NUMBER($hours, maximumFractionDigits: 1) } h ago.
   *[other] { $requests } requests to read, the first one asked for { NUMBER($hours, maximumFractionDigits: 1) } h ago.
}
doctor-frontier-old = A worker that starts reads { NUMBER($hours, maximumFractionDigits: 1) } h back, more than { $most } h: start a worker, which moves the frontier each hour, and see what `prompt2pic queue` shows as oldest.
