"""Sentences about envelopes: what of CloudEvents the bus does not read, and events that cannot be made."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "event-format": Text(
        "one CloudEvents document in JSON is needed, not {content_type}",
        "需要单个 JSON 格式的 CloudEvents 文档，而不是 {content_type}",
        "Send each event in a message of its own, as application/cloudevents+json or in binary mode.",
        "请每条消息只发一个事件，用 application/cloudevents+json 或二进制模式。",
    ),
    "event-content-type": Text(
        "the event's data is {content_type}; events carry application/json",
        "事件数据的类型是 {content_type}；事件只承载 application/json",
        "Publish JSON, or publish the document to bus.documents, where an inbound rule makes the event of it.",
        "请发布 JSON，或把原始单据发布到 bus.documents，由 inbound 规则转换成事件。",
    ),
    "event-data-base64": Text(
        "the event's data is binary (`data_base64`); events carry JSON in `data`",
        "事件数据是二进制（`data_base64`）；事件应在 `data` 中承载 JSON",
        "Publish JSON, or publish the document to bus.documents, where an inbound rule makes the event of it.",
        "请发布 JSON，或把原始单据发布到 bus.documents，由 inbound 规则转换成事件。",
    ),
    "event-specversion": Text(
        "the event says CloudEvents version {version}; the bus reads 1.0",
        "事件声明的 CloudEvents 版本是 {version}；总线读取 1.0",
        "Set `specversion` to 1.0.",
        "请把 `specversion` 设为 1.0。",
    ),
    "event-attribute-kind": Text(
        "the event's {name} must be a text, a whole number or true/false",
        "事件的 {name} 应为文本、整数或 true/false",
        "Put lists and mappings into `data`.",
        "列表和映射请放进 `data`。",
    ),
    "event-attribute-control": Text(
        "the event's {name} holds a line break or another control character",
        "事件的 {name} 含有换行或其他控制字符",
        "In an inbound rule take them off with trim(…).",
        "在 inbound 规则中可用 trim(…) 去掉。",
    ),
    "event-map-unfit": Text(
        "{type}: {faults}",
        "{type}：{faults}",
        "In `map`, decimal(…) and integer(…) read numbers written in another way, parse_date(…, \"yyyyMMdd\") dates; text(…) makes a text of a number, and a comparison (x == \"Y\") true or false.",
        "在 `map` 中，decimal(…) 和 integer(…) 可读取其他写法的数字，parse_date(…, \"yyyyMMdd\") 读取日期；text(…) 把数字变成文本，比较（如 x == \"Y\"）得到 true 或 false。",
    ),
    "event-id-twice": Text(
        "two different events of this document have the id {id}",
        "同一份单据生成的两个不同事件使用了相同的标识 {id}",
        'Every event needs an id of its own, e.g. number and version, with "-short" behind it for a second rule.',
        '每个事件都需要自己的标识，例如单号加版本；第二条规则可在后面加上 "-short"。',
    ),
    "no-event-path": Text(
        "the rule took this document of {system}, but its `for` found nothing: {path}: no {name} below {parent}",
        "规则接收了 {system} 的这份单据，但 `for` 没有找到内容：{path}：{parent} 下没有 {name}",
        "There is: {there}.",
        "那里有：{there}。",
    ),
    "no-event": Text(
        "the rule took this document of {system}, but its `for` found nothing to make an event of",
        "规则接收了 {system} 的这份单据，但 `for` 没有找到可以生成事件的内容",
        "Check the path after `in`; filter rounds with `if`, or whole documents with `when`.",
        "请检查 `in` 后面的路径；用 `if` 过滤每一轮，用 `when` 过滤整份单据。",
    ),
}
