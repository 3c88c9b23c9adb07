"""Sentences about adapters."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    # HTTP, documents that are posted
    "http-invitation": Text(
        "POST {format} documents of up to {limit} bytes here.",
        "请用 POST 把 {format} 单据发到这里，每份不超过 {limit} 字节。",
    ),
    "http-invitation-signed": Text(
        "POST {format} documents of up to {limit} bytes here, signed: Webhook-Id, Webhook-Timestamp, Webhook-Signature.",
        "请用 POST 把 {format} 单据发到这里，每份不超过 {limit} 字节，并带签名：Webhook-Id、Webhook-Timestamp、Webhook-Signature。",
    ),
    "http-not-listening": Text(
        "system '{system}' is an HTTP source, but nothing listens",
        "系统 '{system}' 的来源是 HTTP，但没有打开监听",
        "start with --listen HOST:PORT",
        "启动时加上 --listen HOST:PORT",
    ),
    "http-not-running": Text(
        "the bus is starting or stopping and takes no documents",
        "总线正在启动或停止，暂不接收单据",
        "send it again in a few seconds",
        "请过几秒再发",
    ),
    "http-method": Text("{method} is not possible here; allowed: {allowed}", "这里不支持 {method}，只支持：{allowed}"),
    "http-too-large": Text(
        "the document is larger than {limit} bytes",
        "单据超过了 {limit} 字节",
        "send it in parts, or raise max_body of the source",
        "请分批发送，或调大该来源的 max_body",
    ),
    "http-slow": Text(
        "the document did not arrive whole within {seconds} seconds",
        "单据没有在 {seconds} 秒内收全",
        "send it again",
        "请重新发送",
    ),
    "http-content-encoding": Text(
        "Content-Encoding '{coding}' is not understood",
        "不支持 Content-Encoding '{coding}'",
        "send the document as it is, or with gzip",
        "请直接发送原文，或用 gzip 压缩",
    ),
    "http-content-type": Text(
        "Content-Type '{got}' does not fit: this path takes {format}",
        "Content-Type '{got}' 不符：这个路径只收 {format}",
        "send Content-Type: {expected}",
        "请发送 Content-Type: {expected}",
    ),
    "http-gzip": Text(
        "the body is not one whole gzip stream",
        "正文不是一个完整的 gzip 流",
    ),
    "http-id": Text(
        "the id in Webhook-Id or Idempotency-Key is longer than {limit} characters",
        "Webhook-Id 或 Idempotency-Key 里的编号超过了 {limit} 个字符",
    ),
    "http-signature-missing": Text(
        "header {header} is missing",
        "缺少请求头 {header}",
        "sign id.timestamp.body with HMAC-SHA256 and send Webhook-Id, Webhook-Timestamp and Webhook-Signature",
        "请用 HMAC-SHA256 对 id.timestamp.body 签名，并发送 Webhook-Id、Webhook-Timestamp 和 Webhook-Signature",
    ),
    "http-signature-wrong": Text(
        "the signature is wrong",
        "签名不正确",
        "sign id.timestamp.body, the body byte for byte as sent, with the source's secret; the id holds no full stop",
        "请用该来源的 secret 对 id.timestamp.body 签名，正文要与发送的字节完全一致；id 里不能有点号",
    ),
    "http-timestamp-unreadable": Text(
        "Webhook-Timestamp is not a number of seconds since 1970",
        "Webhook-Timestamp 不是自 1970 年起的秒数",
    ),
    "http-timestamp-off": Text(
        "Webhook-Timestamp is {seconds} seconds off the bus's clock, more than {window}",
        "Webhook-Timestamp 与总线时钟相差 {seconds} 秒，超过了 {window} 秒",
        "set the sender's clock, and sign again when repeating",
        "请校准发送方的时钟；重发时要重新签名",
    ),
    "http-replayed": Text(
        "the signed request '{id}' came before",
        "签名请求 '{id}' 已经来过",
        "to repeat it, sign it with a new timestamp",
        "如需重发，请用新的时间戳重新签名",
    ),
    "http-secret": Text(
        "the secret begins with whsec_, but what follows is not Base64",
        "secret 以 whsec_ 开头，但后面不是 Base64",
    ),
    # HTTP, deliveries
    "http-url": Text(
        "not a URL with http:// or https:// and a host",
        "不是带主机名的 http:// 或 https:// 地址",
        "write it like https://wms.example.com/api",
        "请写成 https://wms.example.com/api 这样",
    ),
    "http-path": Text(
        "path '{name}' leaves the URL's own path",
        "path '{name}' 超出了地址本身的路径",
        "leave out '..'",
        "请去掉 '..'",
    ),
    "http-request": Text(
        "no request to system '{system}' can be made with this URL or these headers",
        "用这个地址或这些请求头无法向系统 '{system}' 发出请求",
        "look for a line break or a forbidden character in url, path and headers",
        "请检查 url、path、headers 中是否有换行或不允许的字符",
    ),
    "http-timeout": Text(
        "system '{system}' did not answer in time",
        "系统 '{system}' 没有及时应答",
        "it may have done the work all the same: it gets the same Idempotency-Key again",
        "它可能其实已处理成功：重试时会带同一个 Idempotency-Key",
    ),
    "http-no-connection": Text(
        "no connection to system '{system}': {reason}",
        "连不上系统 '{system}'：{reason}",
    ),
    "http-tls": Text(
        "no trusted TLS connection to system '{system}'",
        "无法与系统 '{system}' 建立可信的 TLS 连接",
        "check its certificate and host name; SSL_CERT_FILE names a CA of one's own",
        "请检查其证书和主机名；自建 CA 用 SSL_CERT_FILE 指定",
    ),
    "http-broken-off": Text(
        "system '{system}' broke off before its answer was whole",
        "系统 '{system}' 没有答完就断开了",
    ),
    # databases
    "database-url": Text(
        "system '{system}': its database URL cannot be read",
        "系统 '{system}'：数据库地址无法识别",
        "write it like postgresql://user:password@host/database; special signs in the password as %XX",
        "请写成 postgresql://用户:密码@主机/库名，密码里的特殊符号写成 %XX",
    ),
    "database-url-form": Text(
        "not the URL of a database",
        "不是数据库的地址",
        "write it like sqlite:///file.db, postgresql://user:password@host/database or mysql://user:password@host/database",
        "请写成 sqlite:///file.db、postgresql://用户:密码@主机/库名 或 mysql://用户:密码@主机/库名",
    ),
    "database-url-sqlite": Text(
        "not the URL of a database",
        "不是数据库的地址",
        "write sqlite:///{file}, with three strokes; the file is relative to routing.yaml",
        "请写 sqlite:///{file}（三条斜线）；文件相对 routing.yaml 所在的文件夹",
    ),
    "database-driver": Text(
        "system '{system}': no driver for {driver} is installed",
        "系统 '{system}'：没有安装 {driver} 的驱动",
        "install the extra of the bus for it: postgresql, mysql",
        "请安装总线的相应附加包：postgresql、mysql",
    ),
    "database-unavailable": Text(
        "the database of system '{system}' does not do it now ({reason})",
        "系统 '{system}' 的数据库暂时不可用（{reason}）",
    ),
    "database-no-table": Text(
        "system '{system}': there is no table '{table}'; there are: {there}",
        "系统 '{system}'：没有表 '{table}'，现有：{there}",
    ),
    "database-no-table-for": Text(
        "there is no table {table}; there are: {there}",
        "没有表 {table}，现有：{there}",
        "mend its name in the route, or CREATE TABLE {table} ({columns}); bus doctor looks at all of them",
        "请在路由中改正表名，或建表：CREATE TABLE {table} ({columns})；bus doctor 可检查全部",
    ),
    "database-no-column": Text(
        "system '{system}': table '{table}' has no column '{name}'; it has: {there}",
        "系统 '{system}'：表 '{table}' 没有列 '{name}'，现有：{there}",
        "name the right one in the source's options",
        "请在该来源的选项里写上正确的列名",
    ),
    "database-no-key": Text(
        "system '{system}': table '{table}' has no primary key; its columns: {there}",
        "系统 '{system}'：表 '{table}' 没有主键，它的列：{there}",
        "name the columns that tell rows apart: key: [...]",
        "请用 key: [...] 写出能区分各行的列",
    ),
    "database-status": Text(
        "system '{system}': column '{name}' of table '{table}' is {type} and cannot hold the status '{value}'",
        "系统 '{system}'：表 '{table}' 的列 '{name}' 是 {type}，放不下状态 '{value}'",
        "name values that fit, e.g. statuses: {{new: 0, taken: 1, done: 2, failed: 9}}",
        "请写能放下的值，例如 statuses: {{new: 0, taken: 1, done: 2, failed: 9}}",
    ),
    "database-name": Text(
        "{name!r} cannot be the name of a table or column",
        "{name!r} 不能作为表名或列名",
        "leave out quotes, brackets and semicolons",
        "请去掉引号、方括号和分号",
    ),
    "database-document-and-columns": Text(
        "a row's document is one column or several, not both",
        "一行的单据要么取自一列，要么取自多列，不能两者都写",
        "leave out document or columns",
        "请去掉 document 或 columns",
    ),
    "database-columns-are-json": Text(
        "columns make a JSON document, so format '{format}' does not fit",
        "由多列组成的单据是 JSON，与 format '{format}' 不符",
        "leave out format, or name the column that holds the whole document: document: ...",
        "请去掉 format，或用 document: ... 指明存放整份单据的列",
    ),
    "database-unreadable-row": Text(
        "table '{table}': a value of the row cannot be put into a document",
        "表 '{table}'：该行有一个值无法写入单据",
        "look for a number that is none (NaN), and for characters that the encoding does not have",
        "请检查是否有非数字（NaN），或 encoding 中没有的字符",
    ),
    "database-too-large": Text(
        "the row's document is larger than {limit} bytes",
        "该行的单据超过了 {limit} 字节",
        "raise max_body of the source",
        "请调大该来源的 max_body",
    ),
    "database-no-delivered": Text(
        "the database of system '{system}' has no table bus_delivered, and the bus may not make it",
        "系统 '{system}' 的数据库没有表 bus_delivered，总线也无权创建",
        "create table bus_delivered (delivery_id varchar(64) primary key, route varchar(255) not null, written_at timestamp not null, first_key varchar(255), row_count integer)",
        "请执行 create table bus_delivered (delivery_id varchar(64) primary key, route varchar(255) not null, written_at timestamp not null, first_key varchar(255), row_count integer)",
    ),
    # rows
    "rows-unreadable": Text(
        "the delivery is not a mapping of tables to lists of rows",
        "投递内容不是“表 → 行列表”的结构",
        "write the route with rows:",
        "请在路由里用 rows: 来写",
    ),
    "row-no-column": Text(
        "table '{table}' has no column '{name}'; it has: {there}",
        "表 '{table}' 没有列 '{name}'，现有：{there}",
    ),
    "row-value": Text(
        "table '{table}', column '{name}': the value does not fit {type} exactly",
        "表 '{table}' 的列 '{name}'：值不能原样存入 {type}",
        "round, cut or convert it in the route",
        "请在路由里取舍位数、截短或转换",
    ),
    "row-duplicate": Text(
        "table '{table}': a row with the same {name} exists",
        "表 '{table}'：已有 {name} 相同的行",
    ),
    "row-null": Text(
        "table '{table}': column '{name}' needs a value",
        "表 '{table}'：列 '{name}' 不能为空",
    ),
    "row-reference": Text(
        "table '{table}': {name} refers to a row that does not exist",
        "表 '{table}'：{name} 引用的行不存在",
    ),
    "row-check": Text(
        "table '{table}': the check {name} does not hold",
        "表 '{table}'：不满足约束 {name}",
    ),
    "row-refused": Text(
        "table '{table}', {name}: the database refuses the row ({reason})",
        "表 '{table}'，{name}：数据库拒绝了该行（{reason}）",
    ),
    # files
    "file-unavailable": Text(
        "system '{system}': '{name}' cannot be read or written now: {reason}",
        "系统 '{system}'：'{name}' 暂时无法读写：{reason}",
    ),
    "file-not-a-folder": Text(
        "'{name}' must be a folder of its own, and is a file or a link",
        "'{name}' 必须是真正的文件夹，现在是文件或链接",
        "move it away; the bus makes the folder",
        "请把它移走，总线会自己建这个文件夹",
    ),
    "file-too-large": Text(
        "the file is larger than {limit} bytes",
        "文件超过了 {limit} 字节",
        "raise max_body of the source",
        "请调大该来源的 max_body",
    ),
    "file-name-slash": Text(
        "a file cannot be called '{name}': it holds a slash",
        "文件不能叫 '{name}'：里面有斜杠",
        'write the name without a folder, e.g. replace(data.po_no, "/", "-")',
        '文件名不能带文件夹，可以用 replace(data.po_no, "/", "-")',
    ),
    "file-name-reserved": Text(
        "a file cannot be called '{name}': the name is reserved, hidden, too long, or holds a sign that cannot be seen",
        "文件不能叫 '{name}'：该名称是保留名、隐藏名、过长，或含有看不见的字符",
        "choose another name in the route or the sink",
        "请在路由或目标里换一个名称",
    ),
    "file-name-unusable": Text(
        "the file system takes no file called '{name}': {reason}",
        "文件系统不接受名为 '{name}' 的文件：{reason}",
    ),
    "file-name-taken": Text(
        "'{name}' exists with other content",
        "'{name}' 已存在，且内容不同",
        "look who else writes into the folder",
        "请查看还有谁在往这个文件夹里写",
    ),
}
