# Что печатает командная строка.
open-page = Готово: откройте { $address } в браузере. Ctrl-C останавливает всё.
bot-left-out = Бот для Telegram не запущен: токен не задан ({ $setting }).
loading = Загружаю модель: { $percent } %
painted = { $path } (зерно { $seed })
doctor-settings = Настройки в порядке; данные лежат в { $folder }.
doctor-log = Журнал { $log } читается и пишется; в нём { $records ->
    [one] { $records } запись
    [few] { $records } записи
   *[many] { $records } записей
}.
doctor-store = Хранилище картинок { $store } читается и пишется.
doctor-model = Модель { $model } рисует на { $device }; секунд на картинку: { $seconds }.
doctor-revision = Её файлы взяты из коммита { $revision }.
doctor-translator = Просить можно на этих языках: { $languages }.
doctor-translator-none = Запросы не переводятся: так задано в { $setting }.
doctor-page = Страницу можно открыть по адресу { $address }.
doctor-metrics = Метрики и состояние можно отдавать через порт { $port }.
doctor-kafka = Kafka { $log } отвечает: { $brokers ->
    [one] { $brokers } брокер
    [few] { $brokers } брокера
   *[many] { $brokers } брокеров
}.
doctor-kafka-away = { $why ->
    [name] У { $path } нет адреса: проверьте имя в PROMPT2PIC_LOG
    [refused] По адресу { $path } никто не слушает: проверьте, что брокеры работают, и порт в PROMPT2PIC_LOG
    [password] Kafka { $path } не знает этого пользователя с таким паролем: проверьте PROMPT2PIC_KAFKA_SASL_USERNAME и PROMPT2PIC_KAFKA_SASL_PASSWORD
    [mechanism] Kafka { $path } не принимает такой способ входа: задайте в PROMPT2PIC_KAFKA_SASL_MECHANISM один из тех, что она называет
    [certificate] Сертификату Kafka { $path } нет доверия: укажите сертификат его центра в PROMPT2PIC_KAFKA_SSL_CA_LOCATION
    [protocol] Одна сторона говорит по TLS, а другая нет: задайте в PROMPT2PIC_KAFKA_SECURITY_PROTOCOL то, чего ждёт { $path }
   *[silence] Kafka { $path } не отвечает: проверьте, что она работает и что на пути нет межсетевого экрана
} ({ $reason }).
doctor-topics = Топики в порядке; запросы раскладываются по разделам: их { $partitions }.
doctor-topics-differ = { $first }{ $others ->
    [0] {""}
   *[other] {""} Есть и другие отличия ({ $others }): все покажет `prompt2pic topics --check`.
}
doctor-rights = Прав этого пользователя хватает для ролей: { $roles }.
doctor-rights-lacking = Этому пользователю не хватает прав на топики для роли { $role } ({ $rights }): дайте их через `prompt2pic topics --acl`.
doctor-clock = Часы этой машины и журнала расходятся на { NUMBER($seconds, maximumFractionDigits: 1) } с.
doctor-clock-apart = Часы этой машины и журнала расходятся на { NUMBER($seconds, maximumFractionDigits: 1) } с, больше чем на { $most } с: сверьте их по NTP и здесь, и на брокерах.
doctor-clock-unknown = Часов журнала не видно: ни один воркер сейчас не подал знака, а писать в `settings` этот пользователь не вправе.
doctor-frontier = { $requests ->
    [0] Новому воркеру читать нечего: запросов нет.
    [one] Новый воркер прочтёт { $requests } запрос, самый ранний отправлен { NUMBER($hours, maximumFractionDigits: 1) } ч назад.
    [few] Новый воркер прочтёт { $requests } запроса, самый ранний отправлен { NUMBER($hours, maximumFractionDigits: 1) } ч назад.
   *[many] Новый воркер прочтёт { $requests } запросов, самый ранний отправлен { NUMBER($hours, maximumFractionDigits: 1) } ч назад.
}
doctor-frontier-old = Новому воркеру придётся читать за { NUMBER($hours, maximumFractionDigits: 1) } ч, а должно быть не больше { $most } ч: запустите воркер, он раз в час сдвигает границу, и посмотрите в `prompt2pic queue` самые старые запросы.
