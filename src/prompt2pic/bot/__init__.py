"""The process that speaks with people in Telegram."""
