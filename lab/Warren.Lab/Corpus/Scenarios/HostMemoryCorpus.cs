namespace Warren.Lab;

/// <summary>Frames, their references, and shares that are broken.</summary>
internal static class HostMemoryCorpus
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("host-write-vs-discard-and-reuse",
            "The host writes to a page that is dropped, and whose frame another page gets.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(2);
            world.Memory.Write(hva, [1]);
            var second = hva + LabWorld.PageSize;
            world.Thread("write", () => world.Memory.Write(hva, [5]));
            world.Thread("discard", () =>
            {
                world.Discard(hva);
                world.Memory.Write(second, [7]);
            });
            s.AtEnd("each page holds what was written to it", () =>
            {
                Span<byte> got = stackalloc byte[1];
                world.Memory.Read(second, got);
                return got[0] == 7 ? null : $"the second page holds {got[0]}, and only 7 was written to it";
            });
        }),
        new DelegateScenario("share-break-vs-load", "A guest reads a file's page while a store of another vCPU breaks the share.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.MapFile(1);
            var vm = world.AddVm(vcpus: 2);
            vm.SetSlot(0, FaultCorpus.Gfn, 1, hva);
            vm.Vcpus[0].Load(FaultCorpus.Gfn);
            world.Thread("loads",
                () => vm.Vcpus[0]
                    .Run(new GuestInstruction[] { new(GuestOperation.Load, FaultCorpus.Gfn), new(GuestOperation.Load, FaultCorpus.Gfn) }));
            world.Thread("stores", () => vm.Vcpus[1].Store(FaultCorpus.Gfn, 9));
            s.AtEnd("all see the store",
                () => vm.Vcpus[0].Load(FaultCorpus.Gfn) is var got && got != 9 ? $"9 was stored, and the other vCPU reads {got}" : null);
        }),
    ];
}
