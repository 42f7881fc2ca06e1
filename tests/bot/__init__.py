"""The bot against an emulated Telegram: every behaviour that people see."""
