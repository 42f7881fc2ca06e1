# What `prompt2pic topics` prints.
topics-none = The log { $log } is a file and has no topics to make: nothing is to be done.
topics-few-copies = Each record is kept on { $replication ->
    [one] { $replication } broker
   *[other] { $replication } brokers
}, as there are no more or no more were asked for: with three, one can be lost and nothing stops.
topics-shrink = The requests are spread over { $found } partitions already, and { $wanted } are fewer: partitions can not be taken away.
topics-replication = Each record can not be kept on { $wanted } brokers where there { $brokers ->
    [one] is { $brokers }
   *[other] are { $brokers }
}: ask for fewer, or add brokers.
topic-fine = { $topic } is as it should be: { $partitions ->
    [one] { $partitions } partition
   *[other] { $partitions } partitions
}, each on { $replication ->
    [one] { $replication } broker
   *[other] { $replication } brokers
}.
topic-missing = { $topic } is missing: `prompt2pic topics` makes it.
topic-missing-mended = { $topic } was missing, and was made.
topic-partitions = { $topic } has { $found } partitions instead of { $wanted }: `prompt2pic topics --partitions { $wanted }` adds them.
topic-partitions-mended = { $topic } has { $wanted } partitions now; there were { $found }.
topic-replication = { $topic } has records that are kept on { $found } of { $wanted } brokers: move them with kafka-reassign-partitions.sh, as this command never does.
topic-replication-mended = { $topic } is kept on { $wanted } brokers now.
topic-setting = { $topic } has { $name }={ $found } instead of { $wanted }.
topic-setting-mended = { $topic } has { $name }={ $wanted } now; it was { $found }.
topic-record = New requests are not spread over all { $wanted } partitions yet: `prompt2pic topics` lets every process know of them.
topic-record-mended = New requests are spread over { $wanted } partitions from now on.
topic-how = Change it with `prompt2pic topics --fix`, or: { $command }
acl-lacking = { $who } has no right to { $operation ->
    [read] read
    [write] write
    [describe] look at
   *[other] look at the settings of
} the { $kind ->
    [topic] topics
   *[other] groups
} { $names }: `prompt2pic topics --acl` gives it.
acl-granted = { $who } may now { $operation ->
    [read] read
    [write] write
    [describe] look at
   *[other] look at the settings of
} the { $kind ->
    [topic] topics
   *[other] groups
} { $names }.
acl-off = Kafka at { $path } checks no rights: set its authorizer.class.name first, or leave out --acl.
acl-file-unreadable = The file { $file } can not be read ({ $reason }): write lines such as worker = "User:worker".
acl-role-unknown = The file { $file } names the role { $role }, which there is not: write { $roles }.
acl-principal-wrong = The file { $file } has no users for { $role }: write { $role } = "User:name", or several as ["User:one", "User:two"].
