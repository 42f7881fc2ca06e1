# What is refused when somebody asks for a picture.
prompt-empty = There is nothing to paint yet: describe the picture in words.
prompt-too-long = The description has { $length } characters, and { $limit } is the most: make it shorter.
negative-too-long = What to avoid has { $length } characters, and { $limit } is the most: make it shorter.
count-wrong = { $count } pictures at a time is not possible: ask for 1 to { $limit }.
seed-wrong = A seed is a whole number from 0 to { NUMBER($limit, useGrouping: 0) }.
strength-wrong = A variation's strength is a number above 0 and at most 1: 0.2 changes a little, 1 everything.
strength-without-seed = Variations need the seed of the picture that they are variations of: give seed, too.
size-wrong = Width and height can be { NUMBER($smallest, useGrouping: 0) } to { NUMBER($largest, useGrouping: 0) } pixels each.
level-unknown = There is no level “{ $level }”: choose one of { $levels }.
    .short = The model does not know the level that was asked for: choose another one.
option-unknown = There is no option { $option }: the options are { $options }.
option-wrong = The option { $option } can not be “{ $value }”: write it as { $form }.
quota-waiting = You have { $limit ->
    [one] { $limit } request
   *[other] { $limit } requests
} waiting, which is the most: ask again when one of them is done.
quota-day = You may ask for { $limit ->
    [one] { $limit } picture
   *[other] { $limit } pictures
} in 24 hours: come back in { $hours ->
    [0] a moment
    [one] { $hours } hour
   *[other] { $hours } hours
}.
message-too-old = This message is more than a day old: send it again, and it will be painted.
idempotency-key-wrong = An Idempotency-Key has 1 to { $limit } characters.
job-missing = There is no such request, or it is not yours.
body-wrong = The field { $field } is wrong: { $why ->
    [missing] it is missing
    [json-invalid] the body is no JSON
    [literal-error] it is none of the values it may have
    [string] it must be a text
    [int] it must be a whole number
    [float] it must be a number
    [bool] it must be true or false
   *[other] it has the wrong form
}. The page /docs shows the right form.
request-wrong = This request can not be understood: the page /docs shows the right form.
service-unavailable = Nothing can be taken right now: try again in a minute. What was accepted before is safe.
page-missing = There is nothing at this address: the page /docs lists what there is.
method-wrong = This address does not take this method: the page /docs shows which it takes.
stream-unsupported = Pictures are not streamed here: leave out "stream", or submit to /v1/jobs and watch its events.
job-cancelled = This request was cancelled: ask again if you still want the picture.
picture-link-expired = This link has expired or was changed: open the picture from your gallery again.
unexpected = Something went wrong here that should not: try again, and tell the owner of this service if it stays.
