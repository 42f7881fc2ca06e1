# В чём отказывают, когда просят картинку.
prompt-empty = Пока нечего рисовать: опишите картинку словами.
prompt-too-long = В описании { $length } символов, а можно не больше { $limit }: сократите его.
negative-too-long = В том, чего избегать, { $length } символов, а можно не больше { $limit }: сократите это.
count-wrong = Столько картинок за раз ({ $count }) не получится: попросите от 1 до { $limit }.
seed-wrong = Зерно (seed) — целое число от 0 до { NUMBER($limit, useGrouping: 0) }.
size-wrong = Ширина и высота могут быть от { NUMBER($smallest, useGrouping: 0) } до { NUMBER($largest, useGrouping: 0) } пикселей.
level-unknown = Качества «{ $level }» нет: выберите одно из { $levels }.
    .short = Модель не знает выбранного качества: выберите другое.
option-unknown = Параметра { $option } нет, а есть такие: { $options }.
option-wrong = Значение «{ $value }» не подходит для { $option }: напишите так: { $form }.
quota-waiting = В очереди уже { $limit ->
    [one] { $limit } ваш запрос
    [few] { $limit } ваших запроса
   *[other] { $limit } ваших запросов
}, больше нельзя: попросите снова, когда один из них будет готов.
quota-day = За 24 часа можно попросить { $limit ->
    [one] { $limit } картинку
    [few] { $limit } картинки
   *[other] { $limit } картинок
}: возвращайтесь { $hours ->
    [0] через минуту
    [one] через { $hours } час
    [few] через { $hours } часа
    [many] через { $hours } часов
   *[other] через { $hours } часа
}.
message-too-old = Этому сообщению больше суток: отправьте его ещё раз, и картинка будет.
idempotency-key-wrong = В Idempotency-Key должно быть от 1 до { $limit } символов.
job-missing = Такого запроса нет, или он не ваш.
