"""Sentences about files: how routing.yaml is typed, durations, the environment, lookup tables."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    # ------------------------------------------------------------------------------------ expressions in YAML
    "quote-expression": Text(
        "YAML does not read this expression as it stands",
        "YAML 不会按原样读取这个表达式",
        "put the whole expression in single quotes: {corrected}",
        "请用英文单引号把整个表达式括起来：{corrected}",
    ),
    "quote-expression-not": Text(
        "YAML does not read this expression as it stands",
        "YAML 不会按原样读取这个表达式",
        "write `not` instead of `!`, or put the whole expression in single quotes: {corrected}",
        "请用 not 代替 !，或用英文单引号把整个表达式括起来：{corrected}",
    ),
    "quote-expression-or-comment": Text(
        "what follows # is read as a comment",
        "# 之后的内容被当作注释",
        "if it is a comment, write a blank after #; if not, put the whole expression in single quotes: {corrected}",
        "如果是注释，请在 # 后面加空格；如果不是，请用英文单引号把整个表达式括起来：{corrected}",
    ),
    # ------------------------------------------------------------------------------------ signs
    "yaml-full-width": Text(
        "full-width {typed}",
        "全角符号 {typed}",
        "switch the keyboard to English and write '{sign}'",
        "请切换到英文输入法，写 '{sign}'",
    ),
    "yaml-colon-blank": Text(
        "no blank after the colon",
        "冒号后面没有空格",
        "write a blank after the colon: {corrected}; when in doubt put the whole expression in single quotes",
        "请在冒号后面加一个空格：{corrected}；拿不准时，请用英文单引号把整个表达式括起来",
    ),
    "yaml-no-colon": Text(
        "this line is no 'name: value'",
        "这一行不是 '名称: 值' 的形式",
        "write a colon and a blank after the name, or indent the line to continue the value above",
        "请在名称后面写冒号和空格；如果是续写上一行的值，请缩进",
    ),
    "yaml-quote-key": Text(
        "the name {key} begins with a sign that YAML keeps for itself",
        "名称 {key} 以 YAML 的保留符号开头",
        'put the name in double quotes: "{key}":',
        '请用英文双引号把名称括起来："{key}":',
    ),
    "yaml-hash-key": Text(
        "the whole line is a comment, because {key} begins with #",
        "{key} 以 # 开头，整行都成了注释",
        'put the name in double quotes: "{key}":; for a comment write a blank after #',
        '请用英文双引号把名称括起来："{key}":；如果是注释，请在 # 后面加空格',
    ),
    "yaml-escape": Text(
        "{typed} means nothing within double quotes",
        "双引号里不认识 {typed}",
        "use single quotes outside, or write the backslash twice",
        "外层改用英文单引号，或把反斜杠写两遍",
    ),
    "yaml-unclosed-quote": Text(
        "the quote {typed} is never closed",
        "引号 {typed} 没有闭合",
        "close it on the same line: {typed}…{typed}",
        "请在同一行闭合：{typed}…{typed}",
    ),
    "yaml-unclosed-bracket": Text(
        "the bracket {typed} is never closed",
        "括号 {typed} 没有闭合",
        "write the closing bracket at the end of the list or mapping",
        "请在列表或映射的末尾写上右括号",
    ),
    "yaml-wrong-bracket": Text(
        "{typed} closes nothing; {sign} is open",
        "{typed} 没有对应的左括号，此处应为 {sign}",
        "write {sign}",
        "请写 {sign}",
    ),
    "yaml-stray-bracket": Text(
        "the bracket {typed} closes nothing",
        "括号 {typed} 没有对应的左括号",
        "delete it, or write its opening bracket",
        "请删除，或补上左括号",
    ),
    "yaml-comment-within": Text(
        "this comment ends the value, but the next line goes on with it",
        "注释结束了这个值，而下一行还在继续",
        "move the comment to a line above",
        "请把注释移到上面单独一行",
    ),
    "yaml-character": Text(
        "invisible character {character}",
        "不可见字符 {character}",
        "delete it; it often comes along when text is copied from a web page or a chat",
        "请删除；从网页或聊天窗口复制文字时常会带入",
    ),
    # ------------------------------------------------------------------------------------ indentation and structure
    "yaml-tab": Text(
        "tab in the indentation",
        "缩进里有制表符 (Tab)",
        "use blanks, two for each level; most editors can be told to",
        "请使用空格，每一级两个；多数编辑器可以设置",
    ),
    "yaml-wide-blank": Text(
        "full-width or non-breaking blank",
        "全角空格或不间断空格",
        "switch the keyboard to English and write ordinary blanks",
        "请切换到英文输入法，改用普通空格",
    ),
    "yaml-indent": Text(
        "the indentation of this line fits no line above",
        "这一行的缩进与上面的任何一行都不对齐",
        "begin it at column {column}, or in the column of the line above that it belongs to",
        "请让这一行从第 {column} 列开始，或与它所属的那一行对齐",
    ),
    "yaml-list-item": Text(
        "a line among list items does not begin with '- '",
        "列表项之间的这一行没有以 '- ' 开头",
        "begin it with '- ', or indent it to belong to the item above",
        "请以 '- ' 开头；如果属于上面的列表项，请缩进",
    ),
    "hint-dash-before-key": Text("a key that begins with -", "以 - 开头的键", "leave the - out: {key}", "去掉 -：{key}"),
    "yaml-dash": Text(
        "a list item cannot stand here",
        "列表项不能出现在这里",
        "put each '- item' on a line of its own below its name, or write [a, b]",
        "请把每个 '- 列表项' 单独成行写在名称下面，或写成 [a, b]",
    ),
    "yaml-duplicate-key": Text(
        "{key} is written twice; first in line {line}",
        "{key} 重复，第一次在第 {line} 行",
        "keep one of the two",
        "请只保留一个",
    ),
    "yaml-key": Text(
        "a list or a mapping cannot be a name",
        "列表或映射不能作为名称",
        "write the name as text; values are not put in {{{{ }}}} here",
        "名称请写成文本；这里的值不用 {{{{ }}}} 括起来",
    ),
    "yaml-alias": Text(
        "*aliases are not used here",
        "这里不能使用 * 别名",
        "write the value itself; a text that begins with * is put in quotes",
        "请直接写出内容；以 * 开头的文本请加引号",
    ),
    "yaml-anchor": Text(
        "&anchors are not used here",
        "这里不能使用 & 锚点",
        "leave it out; a text that begins with & is put in quotes",
        "请去掉；以 & 开头的文本请加引号",
    ),
    "yaml-merge-key": Text(
        "<< does not merge mappings here",
        "这里不能用 << 合并映射",
        "write the entries out",
        "请把各项逐一写出",
    ),
    "yaml-tag": Text(
        "!tags are not used here",
        "这里不能使用 ! 标签",
        "leave it out; a text that begins with ! is put in quotes, and `not` negates",
        "请去掉；以 ! 开头的文本请加引号，取反请写 not",
    ),
    "yaml-several-documents": Text(
        "a second document begins here, and is not read",
        "这里开始了第二个文档，不会被读取",
        "leave the line --- out, or put the rest into a file of its own",
        "请去掉 --- 这一行，或把后面的内容放到另一个文件",
    ),
    "yaml-top-level": Text(
        "the file does not hold 'name: value' lines",
        "文件内容不是 '名称: 值' 的形式",
        "begin with a name and a colon, such as 'version: 1'",
        "请以名称和冒号开头，例如 'version: 1'",
    ),
    "yaml-too-large": Text(
        "the file is larger than {limit} characters",
        "文件超过 {limit} 个字符",
        "split it: all *.yaml of a folder are read together",
        "请拆分：同一文件夹内的 *.yaml 会一并读取",
    ),
    "yaml-too-deep": Text(
        "nested deeper than {limit} levels",
        "嵌套超过 {limit} 层",
        "check the brackets and the indentation",
        "请检查括号和缩进",
    ),
    "yaml-syntax": Text(
        "YAML cannot read this line",
        "YAML 无法读取这一行",
        "check quotes, brackets and indentation here and in the line above; put expressions in single quotes",
        "请检查本行和上一行的引号、括号和缩进；表达式请用英文单引号括起来",
    ),
    # ------------------------------------------------------------------------------------ the environment
    "environment-missing": Text(
        "environment variable {name} is not set",
        "环境变量 {name} 没有设置",
        "set {name}, or give a default: ${{{name}:-…}}",
        "请设置 {name}，或给出默认值：${{{name}:-…}}",
    ),
    "environment-missing-near": Text(
        "environment variable {name} is not set",
        "环境变量 {name} 没有设置",
        "did you mean {near}? Otherwise set {name}, or give a default: ${{{name}:-…}}",
        "是不是 {near}？否则请设置 {name}，或给出默认值：${{{name}:-…}}",
    ),
    "environment-form": Text(
        "this is no variable of the environment",
        "这不是环境变量的写法",
        "write ${{NAME}} or ${{NAME:-default}}, the name in letters, digits and _",
        "请写 ${{NAME}} 或 ${{NAME:-默认值}}，名称只用字母、数字和 _",
    ),
    # ------------------------------------------------------------------------------------ lookup tables
    "lookup-encoding": Text(
        "not {encoding}: the byte at offset {offset} does not fit",
        "不是 {encoding} 编码：偏移 {offset} 处的字节无法识别",
        "declare the file's encoding, as in {{file: …, encoding: gb18030}}, or save it as CSV UTF-8",
        "请声明文件的编码，例如 {{file: …, encoding: gb18030}}；或另存为 CSV UTF-8",
    ),
    "lookup-empty": Text(
        "the file of lookup {table} is empty",
        "对照表 {table} 的文件是空的",
        "its first line names the columns: bus, and one per system",
        "第一行写列名：bus，以及每个系统一列",
    ),
    "lookup-column-missing": Text(
        "no column {column}; there are: {columns}",
        "没有列 {column}；现有的列：{columns}",
        "name the column of the canonical codes {column} in the first line",
        "请在第一行把标准代码所在的列命名为 {column}",
    ),
    "lookup-column-missing-near": Text(
        "no column {column}; there are: {columns}",
        "没有列 {column}；现有的列：{columns}",
        "rename column {near} to {column}",
        "请把列 {near} 改名为 {column}",
    ),
    "lookup-column-unclear": Text(
        "column {column} has no name, or the name of another",
        "第 {column} 列没有列名，或与其他列重名",
        "give every column a name of its own in the first line",
        "请在第一行给每一列起一个不同的名称",
    ),
    "lookup-cells": Text(
        "{cells} cells in a row under {names} column names",
        "这一行有 {cells} 个单元格，而列名只有 {names} 个",
        "put a code that holds the delimiter in double quotes, or name the columns",
        "含有分隔符的代码请用英文双引号括起来，或补上列名",
    ),
    "lookup-quote": Text(
        "a double quote here does not end where its cell ends",
        "这里的双引号没有在单元格末尾闭合",
        'close it, or write it twice where it belongs to the code: ""',
        '请闭合引号；如果引号是代码的一部分，请写两个：""',
    ),
    "lookup-duplicate": Text(
        "{code} stands twice in column {column} of lookup {table}; first in line {line}",
        "对照表 {table} 的列 {column} 中 {code} 重复，第一次在第 {line} 行",
        "keep one of the two rows",
        "请只保留其中一行",
    ),
    "lookup-more": Text(
        "{more} more of this kind from here on",
        "从这里起还有 {more} 处同样的问题",
    ),
}
