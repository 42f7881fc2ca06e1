# Что печатают команды об очереди.
queue-length = { $waiting ->
    [one] Ждёт { $waiting } запрос
    [few] Ждут { $waiting } запроса
   *[many] Ждут { $waiting } запросов
}, { $held ->
    [one] рисуется { $held }
    [few] рисуются { $held }
   *[many] рисуется { $held }
}.
queue-held = рисуется  { $request }  для { $person }: { $worker }, уровень { $level }, запрошен { $minutes } мин назад, неудачных попыток: { $attempts }
queue-waiting = ждёт      { $request }  для { $person }: запрошен { $minutes } мин назад, неудачных попыток: { $attempts }
queue-no-job = Запроса { $request } нет: укажите его номер или начало номера, как их показывает очередь.
queue-many-jobs = С { $request } начинается несколько запросов: укажите больше знаков номера.
queue-not-retried = Запрос { $request } не завершился неудачей и не отменён: повторять нечего.
queue-retried = Запрос { $request } отправлен снова под номером { $again }.
queue-not-dropped = Запрос { $request } уже завершён.
queue-dropped = Запрос { $request } снят.
drain-on = Приём остановлен: начатое дорисуется, нового никто не возьмёт, о чём людям вежливо скажут. Отменить: `prompt2pic drain --off`.
drain-off = Приём снова открыт.
draining = Сейчас новые запросы не принимаются — идёт обслуживание: загляните чуть позже. Всё, что уже в очереди, будет нарисовано потом.
told-asked = { $time }  запрошено: { $request }
told-claimed = { $time }  взял { $worker }: уровень { $level }, около { $predicted } с, аренда { $lease } с
told-started = { $time }  рисование началось
told-progressed = { $time }  готово { $percent } %
told-released = { $time }  возвращено в очередь ({ $reason })
told-failed = { $time }  попытка не удалась ({ $reason }){ $final ->
    [true] {""}, больше попыток не будет
   *[false] {""}
}
told-expired = { $time }  от рисующего слишком долго ничего не было слышно{ $final ->
    [true] {""}, больше попыток не будет
   *[false] {""}
}
told-cancelled = { $time }  отменено: { $by ->
    [operator] владельцем
   *[other] тем, кто просил
}
told-finished = { $time }  закончено: { $pictures ->
    [one] { $pictures } картинка
    [few] { $pictures } картинки
   *[many] { $pictures } картинок
}, { $worker }, уровень { $level }, { $seconds } с
told-announced = { $time }  человеку сказано, что запрос в очереди
told-delivered = { $time }  доставлено
