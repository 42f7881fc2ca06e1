# What the bot says in Telegram. The first four are those that it all began with.
bot-start = Hello { $name }!  The bot is active
bot-help = Hello { $name }!  This bot makes a picture from your description. To get one, use the command /txt2img.
bot-help-english = { bot-help } Remember to write your request in English
bot-ask = Enter a description of the picture
bot-processing = Your request is being processed

bot-place = { $place ->
    [1] Next in the queue
   *[other] Place in the queue: { $place }
}
bot-wait = picture in about { $time }
bot-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
bot-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
bot-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
bot-percent = { $percent }%
bot-step = step { $step } of { $steps }
bot-left = { $count ->
    [one] { $count } second left
   *[other] { $count } seconds left
}

bot-seed = seed { $seed }
bot-level = { $level ->
    [auto] quality by the queue
    [fast] fast quality
    [balanced] balanced quality
   *[best] best quality
}
bot-painted = painted in { $seconds } s
bot-waited = waited { $seconds } s
bot-lowered = Many people were waiting, so this was painted faster than at best quality.
bot-ready = Your picture is ready
bot-cancelled = Cancelled
bot-too-late = Too late: this request has ended.
bot-failed = That did not work.
bot-picture-gone = This picture is kept no more. With the same seed it can be painted again.

bot-button-cancel = Cancel
bot-button-cancel-one = Cancel: { $prompt }
bot-button-again = One more
bot-button-variations = Four variations
bot-button-best = Best quality
bot-button-original = Original
bot-button-link = Open
bot-button-negative = What must not be in pictures

bot-taken = Taken
bot-original-comes = Sending it as a file
bot-saved = Saved
bot-not-yours = These buttons are for whoever asked for the picture.
bot-too-old = I no longer remember this request: send the description again.
bot-best-used = Best quality can be asked for { $limit ->
    [one] once
   *[other] { $limit } times
} in 24 hours, and these are used up: the quality of this one follows the queue.
bot-not-text = I paint from words: describe the picture in text.
bot-unknown-command = There is no such command. The menu button shows those there are, and /help tells what I do.
bot-not-admitted = The owner of this bot does not let everybody in. Your number is { $number }: tell it to the owner.
bot-away = Your request can not be written down right now, but it is not lost: it is taken as soon as I can.
person-banned = The owner has closed your access: your requests are not taken.
prompt-blocked = That is not painted here: describe something else.

bot-queue = { $waiting ->
    [0] Nobody waits in the queue
    [one] { $waiting } request waits in the queue
   *[other] { $waiting } requests wait in the queue
}, { $painting } being painted.
bot-queue-none = None of them is yours.
bot-nothing-to-cancel = There is nothing to cancel: none of your requests is in the queue.
bot-which-to-cancel = Which of your requests should be cancelled?
bot-history-empty = You have no pictures here yet: describe the first one.
bot-forgotten = { $count ->
    [0] There is nothing to forget: you have no requests.
    [one] { $count } request is forgotten: description and pictures are deleted. The messages in this chat stay; you can delete them yourself.
   *[other] { $count } requests are forgotten: descriptions and pictures are deleted. The messages in this chat stay; you can delete them yourself.
}

bot-settings = This holds where a request says nothing else.
    What must not be in pictures: { $negative }.

    A request may end in: --level fast, balanced or best; --size 1024x768 or --ar 16:9; --n 4; --seed 42; --no blur
bot-nothing = nothing set
bot-size-auto = the model's size
bot-language = { $language ->
    [auto] Telegram's language
    [ru] русский
   *[en] English
}
bot-ask-negative = Reply to this message: what must not be in pictures? Send “-” to clear it.

bot-stats = Waiting: { $waiting }, being painted: { $painting }, workers: { $workers }.
    In 24 hours: { $people } people, { $pictures } pictures.
bot-ban-whom = Whom? Write { $command } and the person's number, or reply with this command to a message of theirs.
bot-banned = { $number }: requests are taken no more. To undo: /unban { $number }
bot-drain-on = The intake is stopped: what was begun is finished, nothing new is taken, and people are told so kindly. To undo: /drain off
bot-drain-off = The intake is open again.
bot-unbanned = { $number }: requests are taken again.

bot-description = Describe in words what you want to see and get a picture. You see your place in the queue and how long to wait; no request is lost.
bot-short-description = Paints pictures from descriptions.
bot-command-txt2img = paint a picture from a description
bot-command-queue = your requests and the whole queue
bot-command-cancel = cancel a request
bot-command-history = your last pictures
bot-command-settings = quality, size, language
bot-command-forget = forget everything you asked for
bot-command-help = what the bot does
bot-command-start = begin
bot-command-stats = how much there is to do
bot-command-ban = close somebody's access
bot-command-unban = open it again
bot-command-drain = finish what was begun and take no more; “off” takes again

bot-token-wrong = Telegram does not know this token: copy it from @BotFather into PROMPT2PIC_TELEGRAM_TOKEN once more.
bot-second-poller = Somebody else reads this bot's messages: stop the other process with this token, or set PROMPT2PIC_TELEGRAM_WEBHOOK.
bot-package = The bot needs the package aiogram: install prompt2pic[bot].
bot-without-token = The bot needs a token: get one from @BotFather and set PROMPT2PIC_TELEGRAM_TOKEN.
bot-open = The bot @{ $name } answers in Telegram.
doctor-token = Telegram knows the bot @{ $name }.
doctor-telegram-away = Telegram does not answer at { $address } ({ $reason }): check the network and PROMPT2PIC_TELEGRAM_API_URL.
words-unreadable = The list of words { $file } can not be read ({ $why }): it has to be UTF-8 text, one rule a line.
