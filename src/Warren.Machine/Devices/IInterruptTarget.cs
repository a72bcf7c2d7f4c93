namespace Warren.Machines.Devices;

/// <summary>Whoever takes the interrupt controller's output: the S-mode external interrupt pin (SEIP) of each hart.</summary>
public interface IInterruptTarget
{
    /// <summary>Sets the pin. Called under the controller's lock, in the order of the changes; must not block.</summary>
    void SetExternalInterrupt(int hart, bool level);

    /// <summary>Makes each hart of the mask notice that its pin rose. Called without the controller's lock.</summary>
    void WakeHarts(uint hartMask);
}
