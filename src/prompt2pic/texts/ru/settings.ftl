# Почему настройка не годится: часть предложений ниже, которая говорит, что написать вместо.
why-wrong = { $why ->
    [whole-number] нужно целое число
    [number] нужно число
    [yes-or-no] напишите true или false
    [at-least] нужно не меньше { $limit }
    [at-most] нужно не больше { $limit }
    [more-than] нужно больше { $limit }
    [too-short] длина должна быть не меньше { $limit } символов
    [one-of] возможные значения: { $limit }
    [log-address] напишите sqlite:///полный/путь или kafka://host:9092
    [topic-prefix] годятся только латинские буквы, цифры, точки, дефисы и подчёркивания, не больше 100
    [store-address] напишите file:///полный/путь или s3://bucket/prefix
    [web-address] нужен адрес, который начинается с http:// или https://
    [painter] напишите wuerstchen, wuerstchen:ИМЯ-ИЛИ-ПАПКА, sd:ИМЯ-ИЛИ-ПУТЬ или stub:СЕКУНДЫ
    [painter-stub] напишите stub: и число секунд, например stub:0.5
    [keys] напишите имя:ключ,имя:ключ или @файл, где в каждой строке имя:ключ
    [keys-twice] у двух имён один ключ: дайте каждому свой
    [keys-file] файл не читается: проверьте путь после @
   *[other] так нельзя, а как можно, сказано в docs/settings.md
}
setting-wrong = Значение «{ $value }» не подходит для { $name }: { why-wrong }.
secret-setting-wrong = Значение { $name } не подходит: { why-wrong }.
port-twice = { $name } и { $other } — один и тот же порт { $port }: выберите для одного из них другой.
setting-unknown = Настройки { $name } нет. Может быть, { $near }? Все настройки перечислены в docs/settings.md.
settings-file-unreadable = Файл { $file } не читается как текст: проверьте права на него или сохраните его заново в UTF-8.
data-folder-unusable = Папкой данных { $folder } нельзя воспользоваться ({ $why }): исправьте это или выберите другую через --data или PROMPT2PIC_DATA.
secret-file-broken = В файле { $file } нет секрета: удалите его, и появится новый (люди на странице тогда станут для неё новыми).
open-without-keys = По адресу { $host } картинки сможет просить вся сеть: задайте PROMPT2PIC_API_KEYS или разрешите это через PROMPT2PIC_OPEN_ACCESS=true.
data-folder-full = На диске папки данных { $folder } осталось { $left } МБ: освободите место.
port-in-use = Порт { $port } занят другой программой: остановите её или выберите другой порт через { $setting }.
address-unusable = По адресу { $host }:{ $port } нельзя слушать ({ $why }): проверьте адрес.
