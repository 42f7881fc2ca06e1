"""What the two dashboards show: for each panel the queries, their legends and the unit."""

from typing import NamedTuple


class Panel(NamedTuple):
    """One graph; `queries` are expressions by their legends, `hardware` says that it is empty without a GPU."""

    title: str
    unit: str
    queries: dict[str, str]
    what: str
    hardware: bool = False


def _rate(metric: str, window: str = "5m") -> str:
    return f"sum(rate(prompt2pic_{metric}_total[{window}]))"


def _high(metric: str, share: float = 0.95) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(prompt2pic_{metric}_bucket[5m])))"


PEOPLE = (
    Panel(
        "Pictures kept their target, of an hour",
        "percentunit",
        {"in time": "1 - prompt2pic:late:ratio_rate1h", "objective": "vector(0.95)"},
        "Objective: 95 %.",
    ),
    Panel(
        "Requests that ended as people wished, of an hour",
        "percentunit",
        {"answered": "1 - prompt2pic:unanswered:ratio_rate1h", "objective": "vector(0.999)"},
        "Objective: 99.9 % end with a picture, or are no longer wanted.",
    ),
    Panel(
        "From request to picture",
        "s",
        {
            "half of them, {{level}}": "prompt2pic:answer_seconds:p50_5m",
            "95 %, {{level}}": "prompt2pic:answer_seconds:p95_5m",
            "target, {{queue}}": "max by (queue) (prompt2pic_target_seconds)",
        },
        "By level, with the target while others wait and while nobody does.",
    ),
    Panel(
        "Waiting, before painting begins",
        "s",
        {"95 %, {{level}}": "prompt2pic:wait_seconds:p95_5m"},
        "From the request to its claim.",
    ),
    Panel(
        "Picture generation time",
        "s",
        {
            "half of them, {{level}}": "prompt2pic:paint_seconds:p50_5m",
            "95 %, {{level}}": "prompt2pic:paint_seconds:p95_5m",
        },
        "Painting alone, by level.",
    ),
    Panel(
        "Shares of the levels",
        "percentunit",
        {"{{level}}": "prompt2pic:level_share:rate5m"},
        "Load lowers the level; the person is told.",
    ),
    Panel(
        "Told waits: later than told by",
        "s",
        {"half of them": _high("eta_error_seconds", 0.5), "95 %": _high("eta_error_seconds")},
        "0 is within the range that was told first, below 0 sooner.",
    ),
    Panel(
        "From the picture to the chat",
        "s",
        {"95 %": "prompt2pic:delivery_seconds:p95_5m", "half of them": _high("delivery_seconds", 0.5)},
        "What the bot and Telegram add.",
    ),
    Panel(
        "Jobs that wait",
        "short",
        {"waiting": "prompt2pic:waiting_jobs:max", "being painted": "prompt2pic:held_jobs:max"},
        "The queue's length.",
    ),
    Panel(
        "Age of the oldest job that waits",
        "s",
        {"age": "prompt2pic:oldest_waiting_seconds:max"},
        "After 24 hours a request is given up.",
    ),
)

OPERATOR = (
    Panel(
        "Requests",
        "reqps",
        {"{{outcome}}": "prompt2pic:requests:rate5m", "lowered by load": _rate("lowered")},
        "A second, by what became of them.",
    ),
    Panel(
        "Work ahead, for each worker",
        "s",
        {
            "for each of the workers": "prompt2pic:predicted_work_seconds:max "
            "/ clamp_min(prompt2pic:workers:max, 1)",
        },
        "Predicted painting of all there is to do, divided by those alive: scale by this.",
    ),
    Panel("Workers alive", "short", {"workers": "prompt2pic:workers:max"}, "By their heartbeats."),
    Panel(
        "CPU utilisation",
        "percentunit",
        {"{{job}} {{part}} {{instance}}": "prompt2pic:cpu_utilisation:rate1m"},
        "Share of the whole machine, by process; `painter` is the model.",
    ),
    Panel(
        "CPU utilisation of the machine",
        "percentunit",
        {"{{instance}}": '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))'},
        "By node-exporter.",
    ),
    Panel(
        "Network packets",
        "pps",
        {"{{way}} {{job}} {{instance}}": "prompt2pic:network_packets:rate1m"},
        "A second, as each process sees its network.",
    ),
    Panel(
        "Memory",
        "bytes",
        {"{{job}} {{part}} {{instance}}": "sum by (job, instance, part) (prompt2pic_memory_bytes)"},
        "Held by process and painter.",
    ),
    Panel(
        "Attempts",
        "ops",
        {
            "{{end}}": "sum by (end) (rate(prompt2pic_attempts_total[5m]))",
            "expired": _rate("expiries"),
            "dead letters": _rate("dead_letters"),
        },
        "A second, by how they ended.",
    ),
    Panel(
        "Faults",
        "ops",
        {
            "log": _rate("log_errors"),
            "picture store": _rate("store_errors"),
            "Telegram, 429": _rate("telegram_floods"),
            "Telegram, {{kind}}": "sum by (kind) (rate(prompt2pic_telegram_errors_total[5m]))",
            "chats gone": _rate("gone_chats"),
        },
        "A second.",
    ),
    Panel(
        "Telegram updates",
        "ops",
        {"{{outcome}}": "sum by (outcome) (rate(prompt2pic_telegram_updates_total[5m]))"},
        "A second, by what became of them.",
    ),
    Panel(
        "Page and API",
        "reqps",
        {"{{status}}": "sum by (status) (rate(prompt2pic_http_requests_total[5m]))"},
        "Answers a second, by status.",
    ),
    Panel("Page and API, slow answers", "s", {"95 %": _high("http_seconds")}, "Without streams' ends."),
    Panel(
        "Records folded",
        "ops",
        {"{{job}} {{instance}}": "rate(prompt2pic_records_folded[5m])"},
        "A second, by process.",
    ),
    Panel(
        "Frontier lag",
        "short",
        {
            "requests behind": "prompt2pic:frontier_lag_records:max",
            "unreadable": "max(prompt2pic_records_undecodable)",
            "repeated": "max(prompt2pic_requests_repeated)",
        },
        "What a worker reads at its start, and records that count for nothing.",
    ),
    Panel(
        "GPU utilisation",
        "percentunit",
        {"{{instance}} {{gpu}}": "prompt2pic_gpu_utilisation"},
        "Of the whole card.",
        hardware=True,
    ),
    Panel(
        "GPU memory",
        "bytes",
        {
            "used, {{instance}} {{gpu}}": "prompt2pic_gpu_memory_used_bytes",
            "of, {{instance}} {{gpu}}": "prompt2pic_gpu_memory_bytes",
        },
        "By whomever.",
        hardware=True,
    ),
)

DASHBOARDS = {
    "people": ("Prompt2Pic: what people feel", PEOPLE),
    "operator": ("Prompt2Pic: operator", OPERATOR),
}
