"""Sentences about the embedded broker."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "store-owned": Text(
        "another bus (process {pid}) already runs on {store}",
        "另一个总线（进程 {pid}）正在使用 {store}",
        "stop process {pid}, or give this one a file of its own: --broker sqlite:OTHER.db",
        "请先停止进程 {pid}，或者用 --broker sqlite:其他文件.db 给它另一个文件",
    ),
    "store-is-folder": Text(
        "{store} is a folder, not a file the embedded broker can use",
        "{store} 是文件夹，内置消息代理需要的是文件",
        "name a file in it: --broker sqlite:{store}/bus.db",
        "请写出其中的文件名：--broker sqlite:{store}/bus.db",
    ),
    "store-foreign": Text(
        "{store} is not a file of the embedded broker",
        "{store} 不是内置消息代理的文件",
        "name another file; it is left as it is",
        "请换一个文件名；该文件未被改动",
    ),
    "store-damaged": Text(
        "{store} is damaged: {reason}",
        "{store} 已损坏：{reason}",
        "stop the bus, keep a copy of the file, and restore it from a backup or recover it with the "
        "command `.recover` of sqlite3",
        "请停止总线并保留该文件的副本，然后从备份恢复，或用 sqlite3 的 `.recover` 命令抢救",
    ),
    "store-newer": Text(
        "{store} was written by a newer bus: its version is {found}, this bus reads up to {known}",
        "{store} 由更新版本的总线写入：文件版本为 {found}，本总线最高支持 {known}",
        "install the newer bus, or name another file",
        "请安装新版本的总线，或换一个文件名",
    ),
    "store-not-writable": Text(
        "{store} cannot be written: {reason}",
        "{store} 无法写入：{reason}",
        "let this user write the file and its folder, or name another one",
        "请为当前用户授予该文件及其文件夹的写权限，或换一个位置",
    ),
    "store-busy": Text(
        "{store} is locked by another program",
        "{store} 被其他程序锁定",
        "close whatever has the file open, e.g. a database browser or a backup",
        "请关闭打开该文件的程序，例如数据库浏览工具或备份软件",
    ),
    "store-failed": Text(
        "{store} cannot be read or written: {reason}",
        "{store} 读写失败：{reason}",
        "check the disk",
        "请检查磁盘",
    ),
    "disk-full": Text(
        "the disk of {store} is full; nothing new is accepted, nothing stored is lost",
        "{store} 所在磁盘已满：暂停接收新消息，已存储的消息不会丢失",
        "free some space; the bus goes on by itself",
        "请清理磁盘空间，总线会自动恢复",
    ),
    "broker-closed": Text(
        "the broker is closed",
        "消息代理已关闭",
    ),
    "queue-unknown": Text(
        "message {id}: there is no queue {queue}",
        "消息 {id}：队列 {queue} 不存在",
        "the name of its system is missing in routing.yaml",
        "routing.yaml 中没有声明对应的系统",
    ),
    "message-too-large": Text(
        "message {id} is too large: {size_bytes} bytes, at most {limit_bytes} are taken",
        "消息 {id} 过大：{size_bytes} 字节，上限为 {limit_bytes} 字节",
        "send large files by reference, or in several messages",
        "请改为传递文件的引用，或拆分为多条消息",
    ),
}
