namespace Warren.Machines.Devices;

/// <summary>A level-triggered interrupt request wire from a device. Any thread; the last level set holds.</summary>
public interface IInterruptLine
{
    void Set(bool level);
}
