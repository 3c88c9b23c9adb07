"""What the operating system says when it cannot."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "os-ENOENT": Text("No such file or directory", "文件或文件夹不存在"),
    "os-EACCES": Text("Permission denied", "没有权限"),
    "os-EPERM": Text("Operation not permitted", "不允许此操作"),
    "os-EISDIR": Text("Is a directory", "这是文件夹"),
    "os-ENOTDIR": Text("Not a directory", "不是文件夹"),
    "os-EROFS": Text("Read-only file system", "文件系统只读"),
    "os-ENOSPC": Text("No space left on device", "磁盘已满"),
    "os-ENAMETOOLONG": Text("File name too long", "文件名过长"),
    "os-EADDRINUSE": Text("Address already in use", "端口已被占用"),
    "os-EADDRNOTAVAIL": Text("Cannot assign requested address", "本机没有这个地址"),
    "os-ECONNREFUSED": Text("Connection refused", "拒绝连接"),
    "os-ECONNRESET": Text("Connection reset by peer", "连接被对方重置"),
    "os-EPIPE": Text("Broken pipe", "连接已断开"),
    "os-ETIMEDOUT": Text("Connection timed out", "连接超时"),
    "os-EHOSTUNREACH": Text("No route to host", "无法到达该主机"),
    "os-ENETUNREACH": Text("Network is unreachable", "网络不可达"),
    "os-no-host": Text("Name or service not known", "找不到这个主机名"),
}
