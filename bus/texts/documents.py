"""Sentences about documents."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    # ---- any document read
    "document-format-unknown": Text(
        "no format '{format}'; known: {known}",
        "没有格式“{format}”；可用的有：{known}",
    ),
    "document-empty": Text(
        "the document is empty",
        "文档是空的",
        "Perhaps it was read while still being written, or the sender sent no body.",
        "可能是还没写完就被读取，或者发送方没有发送内容。",
    ),
    "document-too-large": Text(
        "the document has {bytes} bytes, more than the {limit} allowed",
        "文档有 {bytes} 字节，超过允许的 {limit} 字节",
        "Send it in parts, or raise `max_body` of the source.",
        "请分批发送，或调大该来源的 `max_body`。",
    ),
    "document-too-deep": Text(
        "the document is nested deeper than {limit} levels",
        "文档嵌套超过 {limit} 层",
    ),
    "document-nul": Text(
        "line {line_no} holds a NUL character, which no text has",
        "第 {line_no} 行含有 NUL 字符，文本中不应出现",
        "Perhaps it is UTF-16: declare `encoding: utf-16` at the source.",
        "文件可能是 UTF-16 编码：请在来源处声明 `encoding: utf-16`。",
    ),
    "document-undecodable": Text(
        "not {encoding}: the byte at offset {offset} does not fit",
        "不是 {encoding} 编码：偏移 {offset} 处的字节无法识别",
        "Declare the real encoding at the source, e.g. `encoding: gb18030`, or in the XML declaration.",
        "请在来源处声明真实的编码，例如 `encoding: gb18030`；XML 也可写在文件头的声明里。",
    ),
    "charset-unknown": Text(
        "unknown encoding '{name}'; try {nearest}",
        "未知的编码“{name}”；可以试试 {nearest}",
    ),
    "encoding-contradiction": Text(
        "the document is declared as {declared}, but its first bytes are {found}",
        "文档声明的编码是 {declared}，但开头的字节却是 {found}",
        "Let the sender declare what it writes, or correct `encoding` of the source.",
        "请让发送方声明实际使用的编码，或更正该来源的 `encoding`。",
    ),
    # ---- JSON
    "json-malformed": Text(
        "no valid JSON at line {line_no}, column {column_no}: {reason}",
        "JSON 在第 {line_no} 行第 {column_no} 列不合语法（{reason}）",
    ),
    "json-truncated": Text(
        "the JSON breaks off at its end, in line {line_no}",
        "JSON 不完整，在末尾（第 {line_no} 行）中断",
        "The sender stopped too early, or a quote or bracket is not closed.",
        "可能是发送中断，或有引号、括号没有闭合。",
    ),
    "json-key-twice": Text(
        "the key '{key}' stands twice in one JSON object",
        "同一个 JSON 对象里键“{key}”出现了两次",
        "Which of the two is meant nobody can know; let the sender write it once.",
        "无法判断以哪一个为准；请让发送方只写一次。",
    ),
    "json-number-out-of-range": Text(
        "a number in the JSON is beyond what any quantity needs (10 to the power of ±{limit})",
        "JSON 中有数字超出了任何数量所需的范围（10 的 ±{limit} 次方）",
    ),
    # ---- XML
    "xml-malformed": Text(
        "no valid XML at line {line_no}, column {column_no}: {reason}",
        "XML 在第 {line_no} 行第 {column_no} 列不合语法（{reason}）",
    ),
    "xml-doctype": Text(
        "the XML has a DOCTYPE, which is refused: it can pull in files and grow without bound",
        "XML 含有 DOCTYPE，已拒绝：它可能引入外部文件，或无限膨胀",
        "Let the sender leave out the <!DOCTYPE …> line.",
        "请让发送方去掉 <!DOCTYPE …> 一行。",
    ),
    "xml-one-root": Text(
        "an XML document has exactly one root element, this one has {count}",
        "XML 文档必须恰好有一个根元素，这里有 {count} 个",
    ),
    "xml-name": Text(
        "{at}: '{name}' cannot be the name of an XML element or attribute",
        "{at}：“{name}”不能作为 XML 元素或属性的名称",
        "A name begins with a letter and has no blanks.",
        "名称须以字母或汉字开头，且不含空格。",
    ),
    "xml-prefix-undeclared": Text(
        "{at}: the prefix '{prefix}' is not declared",
        "{at}：前缀“{prefix}”没有声明",
        'Declare it at this element or one above: "@xmlns:{prefix}": "\'the namespace\'".',
        '请在此元素或上层元素声明："@xmlns:{prefix}": "\'命名空间\'"。',
    ),
    "xml-character": Text(
        "{at}: XML cannot hold the character {character}",
        "{at}：XML 不能包含字符 {character}",
        "Take it out in the mapping, e.g. with replace(…).",
        "请在映射中去掉它，例如用 replace(…)。",
    ),
    # ---- CSV and fixed widths
    "csv-malformed": Text(
        "no valid CSV in the row that begins at line {line_no}: {reason}",
        "从第 {line_no} 行开始的记录不是有效的 CSV（{reason}）",
        "Check `delimiter` and `quote` of the source, and that every quote is closed.",
        "请检查来源的 `delimiter` 和 `quote`，以及引号是否成对。",
    ),
    "csv-row-too-long": Text(
        "line {line_no} has {cells} cells, but the header has {columns}",
        "第 {line_no} 行有 {cells} 个单元格，而表头只有 {columns} 个",
        "A delimiter inside a text must be quoted. If the header is further down, set `skip`.",
        "文本中的分隔符必须加引号。如果表头在更下面，请设置 `skip`。",
    ),
    "csv-rows-too-short": Text(
        "the header has {columns} columns, and up to line {line_no} the rows lack more than a million cells",
        "表头有 {columns} 列，而到第 {line_no} 行为止，各行缺少的单元格已超过一百万个",
        "Check that `skip` leads to the header and that `delimiter` is right.",
        "请检查 `skip` 是否正好到表头，以及 `delimiter` 是否正确。",
    ),
    "csv-header-twice": Text(
        "the column '{name}' stands twice in the header",
        "表头中列“{name}”出现了两次",
        "Let the sender rename one, or read by position: `skip` the header and set `header: false`.",
        "请让发送方改名，或按位置读取：用 `skip` 跳过表头并设置 `header: false`。",
    ),
    "csv-option": Text(
        "`{option}` must be one character, and not the same as the other: '{value}'",
        "`{option}` 必须是一个字符，且分隔符与引号不能相同：“{value}”",
        'For a tab write "\\t" in double quotes.',
        '制表符请用双引号写成 "\\t"。',
    ),
    "csv-needs-quote": Text(
        "{at}: a text holds the delimiter or a line break, and `quote` is empty",
        "{at}：文本中含有分隔符或换行，而 `quote` 为空",
        "Leave `quote` out, or take the sign out of the text with replace(…).",
        "请去掉 `quote` 设置，或用 replace(…) 去掉该字符。",
    ),
    "rows-expected": Text(
        "{at}: a row must be a mapping of columns",
        "{at}：每一行必须是由列组成的映射",
    ),
    "fixed-without-columns": Text(
        "a fixed-width source needs `columns`",
        "定长格式的来源需要 `columns`",
        "Write e.g. `columns: {{item: {{at: 1, width: 10}}}}`.",
        "例如 `columns: {{item: {{at: 1, width: 10}}}}`。",
    ),
    "fixed-column-cuts": Text(
        "line {line_no}: column '{column_name}' cuts a character of {encoding} in two",
        "第 {line_no} 行：列“{column_name}”把一个 {encoding} 字符切成了两半",
        "`at` and `width` count bytes; check them, and the encoding.",
        "`at` 和 `width` 按字节计算；请检查它们以及编码。",
    ),
    "fixed-without-width": Text(
        "{at}: a fixed-width column needs `value` and `width`",
        "{at}：定长列需要 `value` 和 `width`",
    ),
    "fixed-too-long": Text(
        "{at}: the text has {bytes} bytes, the column only {width}",
        "{at}：文本有 {bytes} 字节，而列宽只有 {width} 字节",
        "Shorten it on purpose with cut_bytes(…), or widen the column.",
        "请用 cut_bytes(…) 明确截断，或加大列宽。",
    ),
    "fixed-line-break": Text(
        "{at}: the text holds a line break, which would end the record",
        "{at}：文本中含有换行，会使记录提前结束",
        'Replace it, e.g. replace(…, "\\n", " ").',
        '请替换掉它，例如 replace(…, "\\n", " ")。',
    ),
    "fixed-fill": Text(
        "{at}: '{fill}' cannot fill {width} bytes; `fill` is one character that fits in evenly",
        "{at}：“{fill}”不能填满 {width} 字节；`fill` 应是恰好能填满的一个字符",
    ),
    # ---- any document written
    "character-does-not-fit": Text(
        "{at}: {encoding} has no character {character}",
        "{at}：{encoding} 中没有字符 {character}",
        "Choose an encoding of the target that has it (gb18030 and utf-8 have all), or replace(…) it.",
        "请为目标选择包含该字符的编码（gb18030 和 utf-8 包含所有字符），或用 replace(…) 替换。",
    ),
    "value-not-single": Text(
        "{at}: a single value is needed here, not a list or a mapping",
        "{at}：这里需要单个值，而不是列表或映射",
    ),
    "value-unwritable": Text(
        "{at}: a value of kind {kind} cannot be written",
        "{at}：类型为 {kind} 的值无法写出",
    ),
    "path-malformed": Text(
        "'{typed}' is no path: column {column_no} does not fit",
        "“{typed}”不是有效的路径：第 {column_no} 列有误",
        "Write e.g. request.orderLines.orderLine[1].planQty, and names with dots or blanks as [\"a b\"].",
        "例如 request.orderLines.orderLine[1].planQty；含点或空格的名称写成 [\"a b\"]。",
    ),
}
