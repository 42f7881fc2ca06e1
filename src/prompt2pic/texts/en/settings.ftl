# Why a setting is wrong, as a part of the sentences below: it says what to write instead.
why-wrong = { $why ->
    [whole-number] it must be a whole number
    [number] it must be a number
    [yes-or-no] write true or false
    [at-least] it must be at least { $limit }
    [at-most] it must be at most { $limit }
    [more-than] it must be more than { $limit }
    [too-short] it must have at least { $limit } characters
    [one-of] it must be one of { $limit }
    [log-address] write sqlite:///absolute/path or kafka://host:9092
    [topic-prefix] use only letters a to z, digits, dots, hyphens and underscores, at most 100
    [store-address] write file:///absolute/path or s3://bucket/prefix
    [web-address] write an address that begins with http:// or https://
    [painter] write wuerstchen, wuerstchen:NAME-OR-FOLDER, sd:NAME-OR-PATH or stub:SECONDS
    [painter-stub] write stub: and a number of seconds, such as stub:0.5
    [keys] write name:key,name:key or @file with one name:key a line
    [keys-twice] two names have the same key: give each their own
    [keys-file] the file can not be read: check the path behind @
   *[other] it is not valid: docs/settings.md says what it may be
}
setting-wrong = { $name } can not be “{ $value }”: { why-wrong }.
secret-setting-wrong = { $name } is wrong: { why-wrong }.
port-twice = { $name } and { $other } are both { $port }: choose another port for one of them.
setting-unknown = There is no setting { $name }: did you mean { $near }? docs/settings.md lists them all.
settings-file-unreadable = The file { $file } can not be read as text: check its permissions, or write it anew as UTF-8.
data-folder-unusable = The data folder { $folder } can not be used ({ $why }): mend that, or choose another with --data or PROMPT2PIC_DATA.
secret-file-broken = The file { $file } holds no secret: delete it and a new one is made (people on the page then count as new).
open-without-keys = At { $host } everybody on the network could ask for pictures: set PROMPT2PIC_API_KEYS, or allow it with PROMPT2PIC_OPEN_ACCESS=true.
data-folder-full = The disk of the data folder { $folder } has { $left } MB left: free some room.
port-in-use = Port { $port } is taken by another program: stop it, or choose another port with { $setting }.
address-unusable = Nothing can listen at { $host }:{ $port } ({ $why }): check the address.
