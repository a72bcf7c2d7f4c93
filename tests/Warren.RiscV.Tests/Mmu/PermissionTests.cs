using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;
using static Warren.RiscV.Tests.Mmu.PagedMachine;

namespace Warren.RiscV.Tests.Mmu;

/// <summary>Every combination of leaf bits, mode, SUM, MXR and access against the rules as the manual lists them.</summary>
public abstract class PermissionTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const ulong Va = 0x5000_0000;

    [Theory]
    [InlineData(SatpMode.Sv39)]
    [InlineData(SatpMode.Sv48)]
    [InlineData(SatpMode.Sv57)]
    public void Each_access_is_allowed_exactly_when_the_manual_allows_it(SatpMode mode)
    {
        using var machine = new PagedMachine(mode);
        for (ulong flags = 0; flags < 256; flags++)
        {
            foreach (var status in (int[])[0, 1, 2, 3])
            {
                var sum = (status & 1) != 0;
                var mxr = (status & 2) != 0;
                machine.Hart.WriteCsr(0x100, (sum ? 1ul << 18 : 0) | (mxr ? 1ul << 19 : 0));
                foreach (var privilege in (PrivilegeMode[])[PrivilegeMode.User, PrivilegeMode.Supervisor])
                {
                    foreach (var touch in (Touch[])[Touch.Load, Touch.Store, Touch.Fetch])
                    {
                        var leaf = machine.Map(Va, Data, flags, 1);
                        machine.FenceAll();
                        var expected = Expected(flags, touch, privilege, sum, mxr);
                        var actual = machine.Access(touch, Va, privilege);
                        Assert.True(expected == actual,
                            $"flags {flags:x2} {touch} {privilege} sum {sum} mxr {mxr}: {actual}, not {expected}");
                        var after = machine.ReadEntry(leaf) & 0xff;
                        var set = actual is not null ? 0 : Accessed | (touch == Touch.Store ? Dirty : 0);
                        Assert.Equal(flags | set, after);
                    }
                }
            }
        }
    }

    [Fact]
    public void With_svade_stale_bits_fault_and_stay()
    {
        using var machine = new PagedMachine(SatpMode.Sv39, new HartOptions().With(Extension.Svade, true));
        var leaf = machine.Map(Va, Data, Valid | Readable | Writable, 1);
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
        machine.Map(Va, Data, Valid | Readable | Writable | Accessed, 1);
        Assert.Null(machine.Access(Touch.Load, Va));
        Assert.Equal(ExceptionCause.StorePageFault, machine.Access(Touch.Store, Va));
        machine.Map(Va, Data, Valid | Readable | Writable | Accessed | Dirty, 1);
        Assert.Null(machine.Access(Touch.Store, Va));
        Assert.Equal(Valid | Readable | Writable | Accessed | Dirty, machine.ReadEntry(leaf) & 0xff);
    }

    private static ExceptionCause? Expected(ulong flags, Touch touch, PrivilegeMode privilege, bool sum, bool mxr)
    {
        bool r = (flags & Readable) != 0, w = (flags & Writable) != 0, x = (flags & Executable) != 0, u = (flags & User) != 0;
        var fault = touch switch
        {
            Touch.Load => ExceptionCause.LoadPageFault,
            Touch.Store => ExceptionCause.StorePageFault,
            _ => ExceptionCause.InstructionPageFault,
        };
        var leaf = (flags & Valid) != 0 && (r || x) && (r || !w);
        var right = touch switch { Touch.Load => r || (mxr && x), Touch.Store => w, _ => x };
        var reachable = privilege == PrivilegeMode.User ? u : !u || (sum && touch != Touch.Fetch);
        return leaf && right && reachable ? null : fault;
    }
}

public sealed class PermissionTestsOnTdp() : PermissionTests(MmuKind.Tdp);

public sealed class PermissionTestsOnShadow() : PermissionTests(MmuKind.Shadow);
