# Что говорит бот в Telegram. Первые четыре фразы — те, с которых всё началось.
bot-start = Привет { $name }!  Бот активирован
bot-help = Привет { $name }!  Этот бот создаст для тебя картинку по твоему описанию. Для этого воспользуйся командой /txt2img.
bot-help-english = { bot-help } Помни, что делать свой запрос нужно на английском языке
bot-ask = Введите описание изображения
bot-processing = Ваш запрос обрабатывается

bot-place = { $place ->
    [1] Следующий в очереди
   *[other] Место в очереди: { $place }
}
bot-wait = картинка примерно через { $time }
bot-seconds = { $count ->
    [one] { $count } секунду
    [few] { $count } секунды
   *[many] { $count } секунд
}
bot-minutes = { $count ->
    [one] { $count } минуту
    [few] { $count } минуты
   *[many] { $count } минут
}
bot-hours = { $count ->
    [one] { $count } час
    [few] { $count } часа
   *[many] { $count } часов
}
bot-percent = { $percent } %
bot-step = шаг { $step } из { $steps }
bot-left = { $count ->
    [one] осталась { $count } секунда
    [few] осталось { $count } секунды
   *[many] осталось { $count } секунд
}

bot-seed = зерно { $seed }
bot-level = { $level ->
    [auto] качество по очереди
    [fast] быстрое качество
    [balanced] среднее качество
   *[best] лучшее качество
}
bot-painted = рисование { $seconds } с
bot-waited = ожидание { $seconds } с
bot-lowered = Ждало много людей, поэтому картинка нарисована быстрее, чем в лучшем качестве.
bot-ready = Картинка готова
bot-cancelled = Отменено
bot-too-late = Уже поздно: этот запрос закончен.
bot-failed = Не получилось.
bot-picture-gone = Эта картинка больше не хранится. С тем же зерном её можно нарисовать снова.

bot-button-cancel = Отменить
bot-button-cancel-one = Отменить: { $prompt }
bot-button-again = Ещё одну
bot-button-variations = Четыре варианта
bot-button-best = Лучшее качество
bot-button-original = Оригинал
bot-button-link = Открыть
bot-button-negative = Чего не должно быть на картинках

bot-taken = Принято
bot-original-comes = Отправляю файлом
bot-saved = Запомнил
bot-not-yours = Эти кнопки — для того, кто просил картинку.
bot-too-old = Об этом запросе я уже не помню: пришлите описание ещё раз.
bot-best-used = Лучшее качество можно выбрать { $limit ->
    [one] { $limit } раз
    [few] { $limit } раза
   *[many] { $limit } раз
} за 24 часа, и они израсходованы: качество этой картинки зависит от очереди.
bot-not-text = Я рисую по словам: опишите картинку текстом.
bot-unknown-command = Такой команды нет. Какие есть, видно по кнопке «Меню», а что я умею, расскажет /help.
bot-not-admitted = Владелец этого бота пускает не всех. Ваш номер — { $number }: назовите его владельцу.
bot-away = Записать запрос сейчас не получается, но он не пропадёт: приму его, как только смогу.
person-banned = Владелец закрыл вам доступ: ваши запросы не принимаются.
prompt-blocked = Такое здесь не рисуют: опишите что-нибудь другое.

bot-queue = { $waiting ->
    [0] В очереди никого
    [one] В очереди { $waiting } запрос
    [few] В очереди { $waiting } запроса
   *[many] В очереди { $waiting } запросов
}, рисуется { $painting }.
bot-queue-none = Ваших запросов среди них нет.
bot-nothing-to-cancel = Отменять нечего: ваших запросов в очереди нет.
bot-which-to-cancel = Какой из запросов отменить?
bot-history-empty = Здесь пока нет ваших картинок: опишите первую.
bot-forgotten = { $count ->
    [0] Забывать нечего: ваших запросов нет.
    [one] Забыт { $count } запрос: описание и картинки удалены. Сообщения в этом чате остаются, их можно удалить самим.
    [few] Забыто { $count } запроса: описания и картинки удалены. Сообщения в этом чате остаются, их можно удалить самим.
   *[many] Забыто { $count } запросов: описания и картинки удалены. Сообщения в этом чате остаются, их можно удалить самим.
}

bot-settings = Это действует, если в запросе не сказано другого.
    Чего не должно быть на картинках: { $negative }.

    В конце запроса можно дописать: --level fast, balanced или best; --size 1024x768 или --ar 16:9; --n 4; --seed 42; --no размытость
bot-nothing = ничего не задано
bot-size-auto = размер модели
bot-language = { $language ->
    [auto] язык Telegram
    [ru] русский
   *[en] English
}
bot-ask-negative = Ответьте на это сообщение: чего не должно быть на картинках? Отправьте «-», чтобы ничего не исключать.

bot-stats = Ждут: { $waiting }, рисуются: { $painting }, воркеров: { $workers }.
    За 24 часа: людей { $people }, картинок { $pictures }.
bot-ban-whom = Кого? Напишите { $command } и номер человека или ответьте этой командой на его сообщение.
bot-banned = { $number }: запросы больше не принимаются. Вернуть: /unban { $number }
bot-drain-on = Приём остановлен: начатое дорисуется, нового никто не возьмёт, о чём людям вежливо скажут. Отменить: /drain off
bot-drain-off = Приём снова открыт.
bot-unbanned = { $number }: запросы снова принимаются.

bot-description = Опишите словами, что хотите увидеть, и получите картинку. Видно место в очереди и сколько ждать; ни один запрос не теряется.
bot-short-description = Рисует картинки по описанию.
bot-command-txt2img = нарисовать картинку по описанию
bot-command-queue = ваши запросы и вся очередь
bot-command-cancel = отменить запрос
bot-command-history = последние картинки
bot-command-settings = качество, размер, язык
bot-command-forget = забыть всё, что вы просили
bot-command-help = что умеет бот
bot-command-start = начать
bot-command-stats = сколько работы
bot-command-ban = закрыть доступ
bot-command-unban = вернуть доступ
bot-command-drain = закончить начатое и не брать нового; «off» — снова брать

bot-token-wrong = Telegram не знает такого токена: скопируйте его у @BotFather в PROMPT2PIC_TELEGRAM_TOKEN ещё раз.
bot-second-poller = Сообщения этого бота читает кто-то ещё: остановите второй экземпляр с тем же токеном или задайте PROMPT2PIC_TELEGRAM_WEBHOOK.
bot-package = Для бота нужен пакет aiogram: установите prompt2pic[bot].
bot-without-token = Боту нужен токен: получите его у @BotFather и задайте PROMPT2PIC_TELEGRAM_TOKEN.
bot-open = Бот @{ $name } отвечает в Telegram.
doctor-token = Telegram знает бота @{ $name }.
doctor-telegram-away = Telegram по адресу { $address } не отвечает ({ $reason }): проверьте сеть и PROMPT2PIC_TELEGRAM_API_URL.
words-unreadable = Список слов { $file } не читается ({ $why }): нужен текст в UTF-8, одно правило в строке.
