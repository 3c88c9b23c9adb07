"""What the operating system says when it cannot."""

from bus.texts.text import Text

TEXTS: dict[str, Text] = {
    "os-enoent": Text("No such file or directory", "文件或文件夹不存在"),
    "os-eacces": Text("Permission denied", "没有权限"),
    "os-eperm": Text("Operation not permitted", "不允许此操作"),
    "os-eisdir": Text("Is a directory", "这是文件夹"),
    "os-enotdir": Text("Not a directory", "不是文件夹"),
    "os-erofs": Text("Read-only file system", "文件系统只读"),
    "os-enospc": Text("No space left on device", "磁盘已满"),
    "os-enametoolong": Text("File name too long", "文件名过长"),
    "os-eaddrinuse": Text("Address already in use", "端口已被占用"),
    "os-eaddrnotavail": Text("Cannot assign requested address", "本机没有这个地址"),
    "os-econnrefused": Text("Connection refused", "拒绝连接"),
    "os-econnreset": Text("Connection reset by peer", "连接被对方重置"),
    "os-epipe": Text("Broken pipe", "连接已断开"),
    "os-etimedout": Text("Connection timed out", "连接超时"),
    "os-ehostunreach": Text("No route to host", "无法到达该主机"),
    "os-enetunreach": Text("Network is unreachable", "网络不可达"),
    "os-no-host": Text("Name or service not known", "找不到这个主机名"),
}
