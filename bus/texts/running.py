"""Sentences about what becomes of events, documents and deliveries."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "unavailable": Text("{what} does not answer: {reason}", "{what} 没有应答：{reason}"),
    "event-type-unknown": Text("unknown event type {type}", "未知的事件类型 {type}", "declare it under events:, or mend the publisher",
                               "请在 events: 中声明，或改正发布方"),
    "event-unreadable": Text("the data is no JSON: {reason}", "数据不是 JSON：{reason}"),
    "event-not-structured": Text("the body is no CloudEvents JSON", "内容不是 CloudEvents JSON"),
    "event-attribute-missing": Text("the event has no {name}", "事件缺少 {name}", "CloudEvents needs id, source, type and data",
                                    "CloudEvents 需要 id、source、type 和 data"),
    "event-attribute-text": Text("an attribute of the event is no UTF-8 text", "事件的某个属性不是 UTF-8 文本"),
    "event-attribute-time": Text("the event's time is no ISO 8601 time with a zone", "事件时间不是带时区的 ISO 8601 时间"),
    "event-id-too-long": Text("the id is longer than {limit} characters", "标识超过 {limit} 个字符"),
    "identity-conflict": Text("{source} sent {id} before with another body", "{source} 曾以不同内容发送过 {id}",
                              "a changed document needs a new id: number, version, action", "改动后的单据需要新的标识：单号、版本、动作"),
    "no-rule": Text("no inbound rule takes this document of {system}", "没有 inbound 规则接收 {system} 的这份单据",
                    "write a rule, then bus dead replay", "请写一条规则，然后 bus dead replay"),
    "system-not-known": Text("{system} is no system of routing.yaml", "{system} 不是 routing.yaml 中的系统"),
    "route-gone": Text("route {route} to {system} no longer takes this event", "通往 {system} 的路由 {route} 已不再接收此事件",
                       "drop the letter, or bring the route back", "请丢弃该信件，或恢复该路由"),
    "poison": Text("the process died {times} times while this was in hand", "处理它时进程已崩溃 {times} 次",
                   "look at it with bus dead show before replaying it", "重放前请先用 bus dead show 查看"),
    "target-refused": Text("{system} refused it: {code} {message}", "{system} 拒绝接收：{code} {message}"),
    "retries-exhausted": Text("{system} still failed at try {attempts}: {code} {message}", "{system} 第 {attempts} 次仍失败：{code} {message}",
                              "when it is well again: bus dead replay --system {system}", "恢复后执行：bus dead replay --system {system}"),
    "system-down": Text("{system} does not answer", "{system} 没有应答"),
    "unknown-reason": Text("no reason was kept", "没有留下原因"),
    "character-misfit": Text("{character} in {at} does not exist in {encoding}", "{at} 中的 {character} 在 {encoding} 中不存在",
                             "replace(…) it, or declare another encoding", "请用 replace(…) 替换，或声明其他编码"),
}
