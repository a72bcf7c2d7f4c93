namespace Warren.Hypervisor.Slots;

/// <summary>The change that an accepted request makes (KVM's <c>enum kvm_mr_change</c>).</summary>
public enum MemslotChange
{
    Create,
    Delete,
    Move,
    FlagsOnly,
}
