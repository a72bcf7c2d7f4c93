using Warren.HostMemory;

namespace Warren.Hypervisor.Slots;

/// <summary>
/// A memslot or dirty-log request was refused and nothing changed. <see cref="Errno"/> is what KVM's ioctl would have returned.
/// </summary>
public sealed class MemslotException : WarrenException
{
    public MemslotException(Errno errno, string sentence) : base($"{errno}: {sentence}") => Errno = errno;

    public MemslotException(Errno errno, string sentence, Exception inner) : base($"{errno}: {sentence}", inner) => Errno = errno;

    public Errno Errno { get; }
}
