namespace Warren.HostMemory;

/// <summary>The error numbers Linux returns where Warren stands in for it, with Linux's values.</summary>
public enum Errno
{
    None = 0,
    ENOENT = 2,
    EIO = 5,
    ENXIO = 6,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    EBUSY = 16,
    EEXIST = 17,
    EINVAL = 22,
}
