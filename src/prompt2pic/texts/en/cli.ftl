# What the command line prints.
open-page = Ready: open { $address } in a browser. Ctrl-C stops everything.
bot-left-out = The Telegram bot is left out: no token is set ({ $setting }).
bot-not-yet = A Telegram token is set, but this version has no bot yet: the page and the API work without it.
loading = Loading the model: { $percent } %
painted = { $path } (seed { $seed })
doctor-settings = Settings are fine; data is kept in { $folder }.
doctor-log = The log { $log } can be read and written; it holds { $records ->
    [one] { $records } record
   *[other] { $records } records
}.
doctor-store = The picture store { $store } can be read and written.
doctor-model = The model { $model } paints on { $device }; seconds a picture: { $seconds }.
doctor-page = The page can be served at { $address }.
