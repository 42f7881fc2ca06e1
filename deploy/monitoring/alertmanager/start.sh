#!/bin/sh
# Start Alertmanager; $1 is alertmanager.yml, $2 where its copy goes, the rest is the program with its arguments.
# PROMPT2PIC_TELEGRAM_TOKEN and ALERT_CHAT (an id) say who tells whom; without them alerts are kept and nobody is told.
set -eu
umask 077
template=$1 copy=$2
shift 2
if [ -n "${PROMPT2PIC_TELEGRAM_TOKEN:-}" ] && [ -n "${ALERT_CHAT:-}" ]; then
  sed -e "s|bot_token: TOKEN|bot_token: '$PROMPT2PIC_TELEGRAM_TOKEN'|" -e "s|chat_id: 1$|chat_id: $ALERT_CHAT|" \
    -e "s|https://api.telegram.org|${PROMPT2PIC_TELEGRAM_API_URL:-https://api.telegram.org}|" "$template" > "$copy"
else
  echo "No alert is sent: set PROMPT2PIC_TELEGRAM_TOKEN and ALERT_CHAT." >&2
  sed -e "s|receiver: telegram|receiver: nobody|" "$template" > "$copy"
fi
exec "$@" "--config.file=$copy"
