namespace Warren.Hypervisor;

/// <summary>A device that the guest reaches through loads and stores.</summary>
public interface IMmioDevice
{
    string Name { get; }

    /// <summary>
    /// Any thread, any offset inside the registered range, size 1, 2, 4 or 8, aligned or not. Never throws, whatever the guest does.
    /// </summary>
    ulong Read(ulong offset, int size);

    /// <inheritdoc cref="Read"/>
    void Write(ulong offset, int size, ulong value);
}
