# Что печатает командная строка.
open-page = Готово: откройте { $address } в браузере. Ctrl-C останавливает всё.
bot-left-out = Бот для Telegram не запущен: токен не задан ({ $setting }).
bot-not-yet = Токен Telegram задан, но в этой версии бота ещё нет: страница и API работают и без него.
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
doctor-page = Страницу можно открыть по адресу { $address }.
