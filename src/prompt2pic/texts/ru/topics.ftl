# Что печатает `prompt2pic topics`.
topics-none = Журнал { $log } — файл, топиков у него нет: делать ничего не нужно.
topics-few-copies = Каждая запись хранится на { $replication ->
    [one] { $replication } брокере
    [few] { $replication } брокерах
   *[many] { $replication } брокерах
}: больше их нет или больше не просили. Если их три, один можно потерять, и ничего не остановится.
topics-shrink = Запросы уже разложены по разделам: их { $found }, и { $wanted } — меньше, а убрать разделы нельзя.
topics-replication = Хранить каждую запись на нескольких брокерах (нужно { $wanted }) не получится: брокеров { $brokers }. Попросите меньше или добавьте брокеров.
topic-fine = { $topic } в порядке: { $partitions ->
    [one] { $partitions } раздел
    [few] { $partitions } раздела
   *[many] { $partitions } разделов
}, каждый на { $replication ->
    [one] { $replication } брокере
    [few] { $replication } брокерах
   *[many] { $replication } брокерах
}.
topic-missing = Топика { $topic } нет: его создаст `prompt2pic topics`.
topic-missing-mended = Топика { $topic } не было, теперь он создан.
topic-partitions = В топике { $topic } разделов { $found }, а нужно { $wanted }: их добавит `prompt2pic topics --partitions { $wanted }`.
topic-partitions-mended = В топике { $topic } теперь разделов { $wanted }, а было { $found }.
topic-replication = Записи топика { $topic } хранятся не на { $wanted } брокерах, а на { $found }: перенесите их через kafka-reassign-partitions.sh, сама эта команда так не делает.
topic-replication-mended = Топик { $topic } теперь хранится на брокерах: { $wanted }.
topic-setting = У топика { $topic } { $name }={ $found }, а нужно { $wanted }.
topic-setting-mended = У топика { $topic } теперь { $name }={ $wanted }, а было { $found }.
topic-record = Новые запросы пока раскладываются не по всем разделам (их { $wanted }): `prompt2pic topics` сообщит о них всем процессам.
topic-record-mended = Новые запросы теперь раскладываются по всем разделам: их { $wanted }.
topic-how = Изменить можно через `prompt2pic topics --fix` или так: { $command }
acl-lacking = У { $who } нет права { $operation ->
    [read] читать
    [write] писать
    [describe] видеть
   *[other] видеть настройки:
} { $kind ->
    [topic] топики
   *[other] группы
} { $names }. Его даст `prompt2pic topics --acl`.
acl-granted = У { $who } теперь есть право { $operation ->
    [read] читать
    [write] писать
    [describe] видеть
   *[other] видеть настройки:
} { $kind ->
    [topic] топики
   *[other] группы
} { $names }.
acl-off = Kafka { $path } не проверяет прав: сначала задайте её authorizer.class.name или уберите --acl.
acl-file-unreadable = Файл { $file } не читается ({ $reason }): напишите строки вида worker = "User:worker".
acl-role-unknown = В файле { $file } названа роль { $role }, а такой нет: возможные роли — { $roles }.
acl-principal-wrong = В файле { $file } для { $role } нет пользователей: напишите { $role } = "User:имя" или несколько — ["User:один", "User:два"].
