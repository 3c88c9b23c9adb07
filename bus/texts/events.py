"""Sentences about events."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "event-invalid": Text(
        "{type}: {faults}",
        "{type}：{faults}",
        "Correct it in the system that sends the event, or in the inbound rule that makes it; `bus schema {type}` prints what the event holds.",
        "请在发出该事件的系统里改正，或改正生成它的 inbound 规则；`bus schema {type}` 会列出该事件的全部字段。",
    ),
    "event-key-differs": Text(
        "the event was published with the routing key {key}, but its type is {type}",
        "事件发布时的路由键是 {key}，类型却是 {type}",
        "Publish it with its type as routing key: by that the broker knows who may publish what.",
        "请以事件类型作为路由键发布：消息代理据此判断谁可以发布什么。",
    ),
    "event-field-missing": Text(
        "{path} is missing",
        "缺少 {path}",
    ),
    "event-field-unfit": Text(
        "{path} must be {expected}, not {found}",
        "{path} 应为{expected}，实际是{found}",
    ),
    "event-field-of-another-type": Text(
        "{field} is {was} already and cannot become {now}",
        "{field} 已定义为 {was}，不能改为 {now}",
        "Give your own field another name.",
        "请给自己的字段换一个名字。",
    ),
    # What a field's type asks for.
    "expected-text": Text("a text", "文本"),
    "expected-integer": Text("an integer", "整数"),
    "expected-decimal": Text("a number, or a text such as \"12.50\"", "数字，或 \"12.50\" 这样的文本"),
    "expected-boolean": Text("true or false", " true 或 false"),
    "expected-date": Text("a date such as \"2025-01-19\"", "日期，如 \"2025-01-19\""),
    "expected-datetime": Text("a time such as \"2025-01-19T08:30:00+08:00\"", "时间，如 \"2025-01-19T08:30:00+08:00\""),
    "expected-list": Text("a list", "列表"),
    "expected-mapping": Text("a mapping", "映射（若干字段）"),
    "expected-any": Text("a value", "一个值"),
    # What stands there instead: its kind only, since the value may be a secret.
    "found-null": Text("null", " null"),
    "found-boolean": Text("true or false", " true 或 false"),
    "found-number": Text("a number", "数字"),
    "found-fraction": Text("a number with a fraction", "带小数的数字"),
    "found-range": Text("a number of absurd size", "大小离谱的数字"),
    "found-float": Text("a binary floating-point number, which is not exact", "不精确的二进制浮点数"),
    "found-text": Text("a text", "文本"),
    "found-other-text": Text("a text of another form", "其他形式的文本"),
    "found-blank": Text("an empty text", "空文本"),
    "found-date": Text("a date", "日期"),
    "found-datetime": Text("a time", "带时刻的时间"),
    "found-list": Text("a list", "列表"),
    "found-mapping": Text("a mapping", "映射（若干字段）"),
    "found-other": Text("something no event can hold", "事件里不能有的东西"),
}
