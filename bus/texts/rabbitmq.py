"""Sentences about RabbitMQ."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "amqp-url": Text(
        "broker URL {url}: {reason}",
        "消息代理地址 {url}：{reason}",
        "write amqp://user:password@host:5672/virtual-host; special characters of a password as %40 for @, %2F for /",
        "请写成 amqp://用户:密码@主机:5672/虚拟主机；密码里的特殊字符要转义，例如 @ 写成 %40，/ 写成 %2F",
    ),
    "amqp-url-form": Text(
        "it is not of the form amqp://user:password@host:port/virtual-host",
        "不是 amqp://用户:密码@主机:端口/虚拟主机 的形式",
    ),
    "amqp-url-option": Text(
        "unknown option {option}; known: {known}",
        "未知选项 {option}；可用选项：{known}",
    ),
    "amqp-url-tls": Text(
        "option {option} is for amqps:// only",
        "选项 {option} 只能用于 amqps://",
    ),
    "amqp-url-file": Text(
        "{option}: no file {path}",
        "{option}：找不到文件 {path}",
    ),
    "amqp-url-number": Text(
        "{option} is a whole number of seconds from 1, not {value!r}",
        "{option} 应为不小于 1 的整数秒，而不是 {value!r}",
    ),
    "amqp-url-path": Text(
        "the path names one virtual host; a slash within its name is written %2F: {path}",
        "路径只能是一个虚拟主机名；名称中的斜杠要写成 %2F：{path}",
    ),
    "amqp-certificate-file": Text(
        "{address}: the certificate files cannot be used: {reason}",
        "{address}：证书文件无法使用：{reason}",
        "check cacertfile, certfile and keyfile in the URL: PEM files that belong together, readable by this user",
        "请检查地址中的 cacertfile、certfile 和 keyfile：必须是相互匹配的 PEM 文件，并且当前用户可读",
    ),
    "amqp-certificate": Text(
        "{address} shows a certificate that is not trusted: {reason}",
        "{address} 出示的证书不受信任：{reason}",
        "name the CA with ?cacertfile=FILE, or use the host name that the certificate was issued for",
        "请用 ?cacertfile=文件 指定 CA，或使用证书签发时的主机名",
    ),
    "amqp-tls": Text(
        "{address}: TLS failed: {reason}",
        "{address}：TLS 握手失败：{reason}",
        "amqps:// needs the port where the broker speaks TLS, 5671 as a rule; amqp:// the plain one, 5672",
        "amqps:// 要连接消息代理的 TLS 端口（通常是 5671），amqp:// 连接普通端口（通常是 5672）",
    ),
    "amqp-login": Text(
        "{address} refused user {user}: unknown user or wrong password",
        "{address} 拒绝用户 {user} 登录：用户不存在或密码错误",
        "check user and password in the URL; guest may log in from the broker's own machine only",
        "请检查地址中的用户名和密码；guest 用户只能在消息代理本机登录",
    ),
    "amqp-vhost": Text(
        "{address}: no virtual host {virtual_host!r}",
        "{address}：没有虚拟主机 {virtual_host!r}",
        "create it: rabbitmqctl add_vhost {virtual_host}; virtual host / is an empty path in the URL",
        "请创建：rabbitmqctl add_vhost {virtual_host}；虚拟主机 / 在地址中用空路径表示",
    ),
    "amqp-access": Text(
        "{address} refused user {user}: {reason}",
        "{address} 拒绝用户 {user} 的操作：{reason}",
        "run `bus topology apply` once as a user who may declare, or give this one the right: rabbitmqctl set_permissions",
        "请以有声明权限的用户运行一次 bus topology apply，或用 rabbitmqctl set_permissions 给该用户授权",
    ),
    "amqp-missing": Text(
        "{address}: {reason}",
        "{address}：{reason}",
        "run `bus topology apply`",
        "请运行 bus topology apply",
    ),
    "amqp-queue-differs": Text(
        "queue {name} exists with {argument} = {found}; the bus needs {wanted}",
        "队列 {name} 已存在，其 {argument} 为 {found}；总线需要 {wanted}",
        "let its readers empty it, delete it (rabbitmqctl delete_queue {name}), then run `bus topology apply`",
        "请等消费者取空该队列，再删除它（rabbitmqctl delete_queue {name}），然后运行 bus topology apply",
    ),
    "amqp-exchange-differs": Text(
        "exchange {name} exists with {argument} = {found}; the bus needs {wanted}",
        "交换机 {name} 已存在，其 {argument} 为 {found}；总线需要 {wanted}",
        "delete it in the broker's console while nobody publishes, then run `bus topology apply`",
        "请在无人发布时从消息代理的控制台删除它，然后运行 bus topology apply",
    ),
    "amqp-no-reply": Text(
        "{address} gave no reply to {what} within {timeout:g} s",
        "{address} 在 {timeout:g} 秒内没有答复 {what}",
    ),
    "amqp-lost": Text(
        "the connection to {address} broke off",
        "到 {address} 的连接已中断",
    ),
    "amqp-unconfirmed": Text(
        "{count} messages are not confirmed by the broker after {timeout:g} s; they may be stored or not",
        "{timeout:g} 秒后仍有 {count} 条消息未被消息代理确认；可能已存储，也可能没有",
        "send them again with the same ids",
        "请用相同的 id 重新发送",
    ),
    "amqp-closed": Text(
        "the connection to the broker was closed here",
        "到消息代理的连接已在本端关闭",
    ),
    "amqp-consumer-cancelled": Text(
        "the broker ended the subscription to queue {queue}",
        "消息代理终止了对队列 {queue} 的订阅",
    ),
    "amqp-alarm": Text(
        "the broker takes no messages: {reason}",
        "消息代理暂停接收消息：{reason}",
        "free memory or disk space on the broker (rabbitmqctl status shows the alarm); publishing goes on by itself",
        "请释放消息代理的内存或磁盘空间（rabbitmqctl status 可查看告警）；之后会自动继续发布",
    ),
    "amqp-owed": Text(
        "the broker has not stored a message for {timeout:g} s; what it has not confirmed is published again, by a new connection",
        "消息代理在 {timeout:g} 秒内未存储某条消息；未确认的消息将通过新连接重新发布",
        "once is no matter: a node was lost, or a queue deleted. Again and again: is a queue full, or without a majority of its nodes?",
        "偶尔一次无妨：有节点中断或队列被删除。若反复出现，请检查队列是否已满，或者其多数节点不可用",
    ),
    "amqp-identities": Text(
        "which events came before could not be read: {queue} handed out nothing for {timeout:g} s",
        "无法读取已处理事件的标识：{queue} 在 {timeout:g} 秒内没有交出任何内容",
        "has the stream a replica on the node that the URL names? rabbitmq-streams stream_status {queue}",
        "请检查该流在地址所指的节点上是否有副本：rabbitmq-streams stream_status {queue}",
    ),
    "amqp-unroutable": Text(
        "no queue takes messages for {queue}, though the topology was declared again; they are kept and tried on",
        "重新声明拓扑后，仍没有队列接收发往 {queue} 的消息；消息会保留并继续重试",
        "compare the broker with `bus topology plan`; is {queue} a system of routing.yaml?",
        "请用 bus topology plan 对照消息代理；{queue} 是 routing.yaml 中的系统吗？",
    ),
    "amqp-refused": Text(
        "the broker does not store messages for {queue}; they are kept and tried on",
        "消息代理拒绝存储发往 {queue} 的消息；消息会保留并继续重试",
        "is the queue full (a policy with max-length), or without a majority of its nodes?",
        "请检查队列是否已满（max-length 策略），或者其多数节点不可用",
    ),
    "amqp-too-large": Text(
        "a message is larger than the broker takes: {limit} bytes",
        "消息超过消息代理允许的大小：{limit} 字节",
    ),
    "amqp-headers-too-large": Text(
        "message {id}: its headers take {size} bytes, the wire allows {limit}",
        "消息 {id}：消息头占 {size} 字节，协议最多允许 {limit} 字节",
        "move long values from headers into the document",
        "请把过长的值从消息头移到单据正文中",
    ),
    "amqp-properties": Text(
        "message {id}: its id, content type or a header cannot be written to the wire",
        "消息 {id}：其 id、内容类型或某个消息头无法按协议写出",
        "ids, names of headers and content types have at most 255 bytes, whole numbers 64 bits",
        "id、消息头名称和内容类型最多 255 字节，整数最多 64 位",
    ),
    "amqp-routing-key": Text(
        "message {id}: routing key {key!r}… is longer than 255 bytes",
        "消息 {id}：路由键 {key!r}… 超过 255 字节",
    ),
    "amqp-no-delays": Text(
        "a message to {to} is to wait {delay:g} s, but the topology has no delays",
        "发往 {to} 的消息需要延迟 {delay:g} 秒，但拓扑中没有延迟队列",
    ),
}
