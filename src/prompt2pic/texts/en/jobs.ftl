# How a request ended, said to the person who asked. These are kept in the log as keys: no arguments.
lease-expired = The worker fell silent several times while painting this: ask again.
waited-too-long = This request waited for more than a day and was given up: ask again.
painter-crashed = The painter crashed while painting this: ask again, or change the description.
painter-gone = The painter was not there when this was to begin: it will be tried again.
painter-hung = The painter made no step for too long: ask again.
painter-too-slow = Painting took too long and was stopped: ask for a smaller picture or a faster level.
picture-not-finite = The model painted nothing but noise for this: change the seed or the description.
worker-stopping = The worker is being stopped: another one, or the next start, goes on with this.
log-truncated = The log lost its newest records, as when an older copy is put back: the request waits on.
claim-late = A claim was written too late: the request waits on.
store-key-exists = A file that is not ours lies where the picture should go: ask again.
prompt-cut = The model had no room for the end of the description. Words read: { $count }.
negative-cut = The model had no room for the end of what should not be in the picture. Words read: { $count }.
