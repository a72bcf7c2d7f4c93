namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Pages prepared to be zapped (KVM's <c>invalid_list</c>): out of reach but for vCPUs that have not been flushed yet, freed by
/// <see cref="ShadowMmu.CommitZap"/>.
/// </summary>
internal unsafe struct ZapList
{
    public ShadowPage* First;
    /// <summary>A root that some vCPU uses was among them: it waits for that, off this list.</summary>
    public bool RootsInvalidated;
    /// <summary>The same of one that was obsolete already.</summary>
    public bool ObsoleteRoots;

    public readonly bool IsEmpty => First == null && !RootsInvalidated && !ObsoleteRoots;
}
