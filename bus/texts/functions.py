"""Sentences about functions: what each does, and what goes wrong in one."""

from bus.texts.text import Text

_DESCRIPTIONS: dict[str, Text] = {
    "function-text": Text(
        "Any single value as text: a number with all its digits, a date as ISO 8601, true or false.",
        "把任意单个值写成文本：数字保留全部位数，日期按 ISO 8601，布尔值为 true 或 false。",
    ),
    "function-decimal": Text(
        "Reads a number with the digits it came with; blanks around it do not count, an empty text is null. "
        "Separators and a trailing minus are read when the source declares them under numbers:.",
        "读取数字并保留原有位数；两端空白忽略，空文本为 null。来源在 numbers: 下声明后，才读取千分位和后置负号。",
    ),
    "function-integer": Text(
        "Reads a whole number; refuses one with a fraction.", "读取整数；带小数部分的数会被拒绝。"
    ),
    "function-round": Text(
        "Rounds half away from zero to so many digits behind the point, 0 when left out, -2 for hundreds; "
        "adds no zeros.",
        "四舍五入到指定的小数位数，省略时为 0，-2 表示到百位；不补零。",
    ),
    "function-abs": Text("The number without its sign.", "绝对值。"),
    "function-upper": Text("The text in capital letters.", "转成大写字母。"),
    "function-lower": Text("The text in small letters.", "转成小写字母。"),
    "function-trim": Text(
        "The text without blanks at both ends, full-width ones too.", "去掉两端的空白，包括全角空格。"
    ),
    "function-pad": Text(
        "Fills up on the left to a width, with a blank when no other sign is given; never shortens.",
        "在左侧补足到指定宽度，未给出填充字符时补空格；从不截短。",
    ),
    "function-strip-zeros": Text(
        "The text without the zeros it begins with; of nothing but zeros one stays.",
        "去掉开头的零；全是零时保留一个。",
    ),
    "function-replace": Text("Replaces every a by b.", "把每一处 a 换成 b。"),
    "function-split": Text(
        "The parts between separators, as a list; an empty text has none.", "按分隔符拆成列表；空文本得到空列表。"
    ),
    "function-join": Text(
        "All values of a list as one text, with a separator between them; nulls are left out.",
        "把列表中的值用分隔符连成一个文本；null 略过。",
    ),
    "function-starts": Text("Whether the text begins with a.", "文本是否以 a 开头。"),
    "function-ends": Text("Whether the text ends with a.", "文本是否以 a 结尾。"),
    "function-contains": Text("Whether a stands anywhere in the text.", "文本中是否含有 a。"),
    "function-match": Text(
        "Whether a regular expression is found anywhere in the text; ^ and $ bind it to the ends. "
        "RE2 syntax: no looking ahead or behind, no references back.",
        "正则表达式是否在文本中任何位置匹配；用 ^ 和 $ 限定首尾。RE2 语法：没有前后查找，也没有反向引用。",
    ),
    "function-extract": Text(
        "What the first group of a regular expression found, or the whole of it; null when it is not found.",
        "正则表达式第一个分组的内容，没有分组时为整个匹配；找不到时为 null。",
    ),
    "function-cut": Text("The first n characters.", "前 n 个字符。"),
    "function-cut-bytes": Text(
        "As many whole characters as fit into n bytes of the target's encoding.",
        "按目标编码不超过 n 个字节，且不切断字符。",
    ),
    "function-date": Text(
        "Writes a date or time by a pattern of yyyy yy MM dd HH mm ss SSS XXX, in the target's zone; "
        "a date has 00:00:00. Without a pattern as ISO 8601.",
        "按 yyyy yy MM dd HH mm ss SSS XXX 组成的格式写日期或时间，时区为目标系统的时区；日期的时间为 00:00:00。"
        "不给格式时按 ISO 8601。",
    ),
    "function-parse-date": Text(
        "Reads a date or time by a pattern, or as ISO 8601; empty or all zeros is null. "
        "A time without a zone is in the zone given, else in the system's.",
        "按格式读取日期或时间，不给格式时按 ISO 8601；空或全零为 null。没有时区的时间按给出的时区，否则按系统的时区。",
    ),
    "function-add-days": Text("The same time n days later; earlier when n is negative.", "n 天之后的同一时间；n 为负则为之前。"),
    "function-days-between": Text("Calendar days from a to b.", "从 a 到 b 的日历天数。"),
    "function-default": Text(
        "x, or y when x is empty: null, blanks, an empty list or mapping.",
        "x；当 x 为空（null、空白、空列表或空映射）时取 y。",
    ),
    "function-has": Text(
        "Whether x is there: not null, not only blanks, not an empty list or mapping.",
        "x 是否有内容：不是 null，不全是空白，也不是空列表或空映射。",
    ),
    "function-first": Text("The first of a list; null when it is empty.", "列表的第一个；列表为空时为 null。"),
    "function-last": Text("The last of a list; null when it is empty.", "列表的最后一个；列表为空时为 null。"),
    "function-count": Text("How many a list holds; 0 for null.", "列表中的个数；null 为 0。"),
    "function-unique": Text("Each value once, where it came first.", "去掉重复的值，保留首次出现的位置。"),
    "function-sort": Text(
        "The list in rising order, of one or more fields or of the values themselves; null comes last.",
        "按一个或多个字段（或值本身）升序排列；null 排在最后。",
    ),
    "function-group": Text(
        "One mapping for each different combination of the fields: the fields, and rows with the items that have them.",
        "字段值的每种组合得到一组：含这些字段，以及放着各行的 rows。",
    ),
    "function-amount-in-chinese": Text(
        "An amount of money in Chinese capital digits.", "人民币金额大写。"
    ),
    "function-gs1": Text(
        "One element of a GS1-128 scan by its application identifier, raw or with (01); dates as dates, "
        "310n and its like as numbers, everything else as text; null when it is not there.",
        "按应用标识符取 GS1-128 扫描结果中的一项，原始或带 (01) 括号均可；日期为日期，310n 等为数字，其余为文本；没有时为 null。",
    ),
}

_ARGUMENTS: dict[str, Text] = {
    "function-needs-text": Text(
        "{function}(…) needs a text, not {value}", "{function}(…) 需要文本，而不是 {value}",
        "write text(…) around it", "用 text(…) 转换",
    ),
    "function-needs-number": Text(
        "{function}(…) needs a number, not {value}", "{function}(…) 需要数字，而不是 {value}",
        "write decimal(…) around a text", "文本请用 decimal(…) 转换",
    ),
    "function-needs-whole-number": Text(
        "{function}(…) needs a whole number, not {value}", "{function}(…) 需要整数，而不是 {value}",
        "write round(…, 0) around it", "用 round(…, 0) 取整",
    ),
    "function-needs-size": Text(
        "{function}(…) cannot count to {value}", "{function}(…) 的长度不能是 {value}",
        "give a number from 0", "请给出不小于 0 的数",
    ),
    "function-needs-date": Text(
        "{function}(…) needs a date, not {value}", "{function}(…) 需要日期，而不是 {value}",
        "write parse_date(…) around a text", "文本请用 parse_date(…) 转换",
    ),
    "function-needs-list": Text(
        "{function}(…) needs a list, not {value}", "{function}(…) 需要列表，而不是 {value}",
        "name the field that repeats, e.g. data.lines", "请写会重复的字段，例如 data.lines",
    ),
    "function-needs-single-value": Text(
        "{function}(…) needs a single value, not {value}", "{function}(…) 需要单个值，而不是 {value}",
        "name a field of it, or join(…) a list", "请写其中的某个字段；列表请用 join(…)",
    ),
    "function-element-is-group": Text(
        "element {name} has elements inside and so no text of its own", "元素 {name} 内还有元素，没有单一的文本",
        "name one of the elements inside", "请写其中的某个元素",
    ),
    "function-too-long": Text(
        "{function}(…) would make a text of more than {limit} characters", "{function}(…) 的结果会超过 {limit} 个字符",
        "check the width or the list that it is made of", "请检查宽度或所用的列表",
    ),
    "function-nested-too-deep": Text(
        "the values compared are nested too deep", "要比较的值嵌套太深",
        "name the field that tells them apart", "请写出用来区分它们的字段",
    ),
    "text-not-unicode": Text(
        "the text holds half a character (a lone surrogate)", "文本中有半个字符（孤立的代理码）",
        "the sender must write the whole character", "请发送方写出完整的字符",
    ),
}

_NUMBERS: dict[str, Text] = {
    "number-unreadable": Text(
        "{value} is no number", "{value} 不是数字",
        "a number is digits, one point and a minus in front: -1234.50", "数字由数字、一个小数点和前置负号组成：-1234.50",
    ),
    "number-with-separators": Text(
        "{value} has separators that its source does not declare", "{value} 带有分隔符，但来源没有声明",
        'declare them at the source, numbers: {{thousands: ",", decimal: "."}}, or the other way round',
        '请在来源处声明 numbers: {{thousands: ",", decimal: "."}}，或两者互换',
    ),
    "number-trailing-minus": Text(
        "{value} has its minus at the end, and its source does not declare that", "{value} 的负号在末尾，但来源没有声明",
        "declare it at the source, numbers: {{trailing_minus: true}}", "请在来源处声明 numbers: {{trailing_minus: true}}",
    ),
    "number-full-width": Text(
        "{value} has full-width digits", "{value} 含有全角数字",
        "the source must send plain digits; numbers: declares separators and a trailing minus only",
        "请来源系统发送半角数字；numbers: 只能声明分隔符和后置负号",
    ),
    "number-with-exponent": Text(
        "{value} has an exponent, which a quantity never has", "{value} 是科学计数法，数量不能这样写",
        "the source must write all digits", "请来源系统写出全部数字",
    ),
    "number-has-fraction": Text(
        "integer(…): {value} has a fraction", "integer(…)：{value} 带小数部分",
        "write round(…, 0) when the fraction may be dropped, else decimal(…)",
        "可以舍去小数时写 round(…, 0)，否则写 decimal(…)",
    ),
    "number-out-of-range": Text(
        "a number of more than {limit} digits, or none at all (NaN)", "数字超过 {limit} 位，或不是数（NaN）",
        "the source must send a usable number", "请来源系统发送可用的数字",
    ),
    "amount-has-fraction": Text(
        "amount_in_chinese(…): {value} has more than two decimals", "amount_in_chinese(…)：{value} 的小数超过两位",
        "write amount_in_chinese(round(x, 2))", "请写 amount_in_chinese(round(x, 2))",
    ),
    "amount-too-large": Text(
        "amount_in_chinese(…): {value} is 10,000 万亿 or more", "amount_in_chinese(…)：{value} 达到或超过一万万亿",
        "check the amount", "请检查金额",
    ),
}

_STRINGS: dict[str, Text] = {
    "pad-fill": Text(
        "pad(…) fills with exactly one character, not {value}", "pad(…) 的填充只能是一个字符，而不是 {value}",
        'write pad(s, 10, "0")', '例如 pad(s, 10, "0")',
    ),
    "split-separator": Text(
        "split(…) needs a separator", "split(…) 需要分隔符", 'write split(s, ",")', '例如 split(s, ",")',
    ),
    "split-too-many": Text(
        "split(…) would make more than {limit} parts", "split(…) 会得到超过 {limit} 个部分",
        "check the separator", "请检查分隔符",
    ),
    "character-not-in-encoding": Text(
        "{character} ({code}) does not exist in {encoding}", "{character}（{code}）在 {encoding} 中不存在",
        "replace(…) it, or let the target take gb18030 or utf-8", "用 replace(…) 替换，或让目标系统接受 gb18030 或 utf-8",
    ),
    "pattern-looks-around": Text(
        "pattern {pattern} looks ahead or behind: {reason}", "正则表达式 {pattern} 使用了前后查找：{reason}",
        "say it with two conditions: match(s, …) and not match(s, …)", "请拆成两个条件：match(s, …) and not match(s, …)",
    ),
    "pattern-escape": Text(
        "pattern {pattern}: {reason}", "正则表达式 {pattern}：{reason}",
        "references back and this escape do not exist here; a sign is itself as [.]",
        "这里没有反向引用和这种转义；字符本身可写成 [.]",
    ),
    "pattern-bracket": Text(
        "pattern {pattern}: {reason}", "正则表达式 {pattern}：{reason}",
        "close every bracket; a bracket itself is written [(]", "请闭合每个括号；括号本身写成 [(]",
    ),
    "pattern-repetition": Text(
        "pattern {pattern}: {reason}", "正则表达式 {pattern}：{reason}",
        "* + ? need something before them, once; the sign itself is written [*]",
        "* + ? 前面必须有内容且只用一次；字符本身写成 [*]",
    ),
    "pattern-too-large": Text(
        "pattern {pattern} is too large: {reason}", "正则表达式 {pattern} 太大：{reason}",
        "repeat at most 1000 times, and not repetitions of repetitions", "重复不超过 1000 次，且不要嵌套大的重复",
    ),
    "pattern-too-slow": Text(
        "a pattern of this size would search {characters} characters for too long",
        "这样大的正则表达式在 {characters} 个字符中查找耗时过长",
        "cut(…) the text first, or write a smaller pattern", "请先用 cut(…) 截短文本，或简化表达式",
    ),
    "pattern-unreadable": Text(
        "pattern {pattern} is no regular expression: {reason}", "{pattern} 不是正则表达式：{reason}",
        "the syntax is RE2's", "语法见 RE2",
    ),
}

_DATES: dict[str, Text] = {
    "date-pattern-percent": Text(
        "date pattern {pattern} is written with %", "日期格式 {pattern} 用了 %",
        "write {right}", "请写 {right}",
    ),
    "date-pattern-letters": Text(
        "date pattern {pattern}: {letters} is not what it should be here", "日期格式 {pattern}：这里不该是 {letters}",
        "write {right}", "请写 {right}",
    ),
    "date-pattern-unknown": Text(
        "date pattern {pattern}: {letters} means nothing", "日期格式 {pattern}：{letters} 没有含义",
        "yyyy yy MM dd HH mm ss SSS XXX; letters that stand for themselves go in single quotes",
        "可用 yyyy yy MM dd HH mm ss SSS XXX；表示自身的字母放在单引号里",
    ),
    "date-pattern-empty": Text(
        "date pattern {pattern} has no field", "日期格式 {pattern} 中没有任何字段",
        "write a pattern such as yyyy-MM-dd", "请写格式，例如 yyyy-MM-dd",
    ),
    "date-pattern-too-long": Text(
        "date pattern {pattern} is longer than {limit} characters", "日期格式 {pattern} 超过 {limit} 个字符",
        "write a pattern such as yyyy-MM-dd", "请写格式，例如 yyyy-MM-dd",
    ),
    "date-pattern-no-year": Text(
        "parse_date(…): pattern {pattern} has no year", "parse_date(…)：格式 {pattern} 中没有年份",
        "join the year to the text and read it with yyyy", "请把年份接到文本上，用 yyyy 读取",
    ),
    "date-pattern-twice": Text(
        "parse_date(…): pattern {pattern} has {field} twice", "parse_date(…)：格式 {pattern} 中 {field} 出现两次",
        "months are MM, minutes mm", "月份是 MM，分钟是 mm",
    ),
    "date-unreadable": Text(
        "parse_date(…): {value} is no date written as {pattern}", "parse_date(…)：{value} 不是按 {pattern} 写的日期",
        "check the day, or write the pattern that the source uses", "请检查日期，或写来源实际使用的格式",
    ),
    "date-not-iso": Text(
        "{function}(…): {value} is no ISO 8601 date", "{function}(…)：{value} 不是 ISO 8601 日期",
        'say how it is written: parse_date(…, "dd.MM.yyyy")', '请给出格式：parse_date(…, "dd.MM.yyyy")',
    ),
    "date-out-of-range": Text(
        "{value} is outside the years 1 to 9999", "{value} 超出 1 至 9999 年", "check the date", "请检查日期",
    ),
    "unknown-zone": Text(
        "no time zone {zone}", "没有时区 {zone}",
        "write an IANA name: Asia/Shanghai, Europe/Berlin, UTC", "请写 IANA 名称：Asia/Shanghai、Europe/Berlin、UTC",
    ),
}

_LISTS: dict[str, Text] = {
    "sort-kinds": Text(
        "sort(…) cannot order {one} and {other}: they are of different kinds", "sort(…) 无法比较 {one} 与 {other}：类型不同",
        "bring them to one kind first, e.g. with decimal(…)", "请先统一类型，例如 decimal(…)",
    ),
    "sort-needs-field": Text(
        "sort(…) cannot order {value}", "sort(…) 无法排序 {value}",
        'name a field with a single value: sort(data.lines, "line_no")', '请写值为单个的字段：sort(data.lines, "line_no")',
    ),
    "group-field-rows": Text(
        "group(…) by rows: that name is taken by the items of a group", "group(…) 不能按 rows 分组：这个名字用于组内各行",
        "rename the field first", "请先给该字段换名",
    ),
}

_SCANS: dict[str, Text] = {
    "gs1-identifier": Text(
        "{identifier} is no GS1 application identifier", "{identifier} 不是 GS1 应用标识符",
        'for example "01", "10", "17", "310n"', '例如 "01"、"10"、"17"、"310n"',
    ),
    "gs1-unknown-element": Text(
        "the scan has no application identifier at character {position}: {identifier}",
        "扫描结果第 {position} 个字符处不是应用标识符：{identifier}",
        "let the scanner send FNC1 (0x1D) behind elements of variable length, and scan GS1 symbols only",
        "请让扫描枪在变长项后发送 FNC1 (0x1D)，且只扫描 GS1 条码",
    ),
    "gs1-wrong-data": Text(
        "the scan's ({identifier}) is {value}, not {wanted}", "扫描结果的 ({identifier}) 为 {value}，应为 {wanted}",
        "n14 is 14 digits, x..20 up to 20 signs; let the scanner send FNC1 (0x1D) behind elements of variable length",
        "n14 表示 14 位数字，x..20 表示最多 20 个字符；请让扫描枪在变长项后发送 FNC1 (0x1D)",
    ),
    "gs1-wrong-date": Text(
        "the scan's ({identifier}) is no date: {value}", "扫描结果的 ({identifier}) 不是日期：{value}",
        "the label is wrong; it needs YYMMDD", "标签有误，应为 YYMMDD",
    ),
    "gs1-check-digit": Text(
        "the scan's ({identifier}) {value} ends with a wrong check digit, {digit} would be right",
        "扫描结果的 ({identifier}) {value} 校验位不对，应为 {digit}",
        "scan again; the label itself may be wrong", "请重新扫描；也可能是标签本身有误",
    ),
    "gs1-too-long": Text(
        "the scan has more than {limit} characters", "扫描结果超过 {limit} 个字符", "scan one symbol at a time", "请一次只扫描一个条码",
    ),
}

TEXTS: dict[str, Text] = _DESCRIPTIONS | _ARGUMENTS | _NUMBERS | _STRINGS | _DATES | _LISTS | _SCANS
