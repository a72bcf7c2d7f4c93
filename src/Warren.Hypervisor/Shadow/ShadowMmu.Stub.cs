namespace Warren.Hypervisor;

#pragma warning disable CS0649
/// <summary>Until <c>.FastZap</c> comes.</summary>
internal sealed unsafe partial class ShadowMmu
{
    private int _generation;

    public override void ZapAllFast()
    {
        _mmuLock.WriteLock();
        ZapList zapped = default;
        while (OldestPage != null) PrepareZap(OldestPage, ref zapped);
        CommitZap(ref zapped);
        _mmuLock.WriteUnlock();
    }
}
#pragma warning restore CS0649
