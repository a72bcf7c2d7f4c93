using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// A guest that has a root of its own and changes it all the time: it maps pages, fences, and finds in each page nothing or what says that
/// it is this page. When its tables are lost it builds them anew, without translation meanwhile.
/// </summary>
/// <param name="firstTable">gfn of its root; a middle and a last table follow</param>
/// <param name="pages">what it maps</param>
/// <param name="seed">of its choices</param>
internal sealed class StressGuest(ulong firstTable, ulong[] pages, int seed) : IGuestProgram
{
    private const int Windows = 32;
    private const ulong WindowBase = 0x10_0000;
    private const ulong LastTable = 0x1f_f000;
    private const ulong Page = VirtualMachine.PageSize;
    private const GuestRights Rw = GuestRights.Read | GuestRights.Write | GuestRights.Execute;

    private readonly Random _random = new(seed);
    private readonly int[] _mapped = new int[Windows];
    private int _rebuild;
    private int _window;
    private int _next;
    private int _operation = -1;

    public long Checked { get; private set; }
    public long Rebuilt { get; private set; }

    /// <summary>The content of a page of guest memory, if it has any: the same wherever its slot is.</summary>
    public static ulong Tag(ulong gfn) => 0xabc0_0000_0000_0000 | (gfn >= LongStressTests.Second ? 1UL << 40 : 0) | (gfn & 0xfff) << 8 | 1;

    public GuestStep Step(ScriptedEngine cpu)
    {
        if (_rebuild >= 0)
        {
            Rebuild(cpu);
            return GuestStep.Continue;
        }
        if (_operation < 0)
        {
            _operation = _random.Next(8);
            _window = _random.Next(Windows);
            _next = _random.Next(pages.Length);
        }
        var address = WindowBase + (ulong)_window * Page;
        var gfn = pages[_mapped[_window]];
        switch (_operation)
        {
            case 0 or 1 or 2:
                var value = cpu.Load<ulong>(address);
                if (cpu.Result == GuestAccessResult.Memory && value != 0 && value != Tag(gfn))
                    throw new InvalidOperationException($"gfn 0x{gfn:x} at 0x{address:x} holds 0x{value:x}.");
                break;
            case 3 or 4:
                cpu.Store(address, Tag(gfn));
                break;
            case 5:
                cpu.Fetch(address + 8);
                break;
            case 6:
                cpu.Store(LastTable + (ulong)SpteTable.IndexOf(address >> 12, 1) * 8, ScriptedPageFormat.Page(pages[_next], Rw));
                if (cpu.Result == GuestAccessResult.Memory)
                {
                    _mapped[_window] = _next;
                    _operation = 7;
                    return GuestStep.Continue;
                }
                break;
            default:
                if (_next % 2 == 0) cpu.FenceTables();
                else cpu.FenceTables(address);
                break;
        }
        if (cpu.Stopped) return GuestStep.Continue;
        _operation = -1;
        Checked++;
        if (cpu.Result is GuestAccessResult.PageFault or GuestAccessResult.AccessFault) _rebuild = 0;
        return GuestStep.Continue;
    }

    private void Rebuild(ScriptedEngine cpu)
    {
        switch (_rebuild)
        {
            case 0: cpu.SetGuestRoot(default); break;
            case 1: cpu.Store(firstTable * Page, ScriptedPageFormat.Table(firstTable + 1)); break;
            case 2: cpu.Store((firstTable + 1) * Page, ScriptedPageFormat.Table(firstTable + 2)); break;
            case 3:
                cpu.Store((firstTable + 2) * Page + (ulong)SpteTable.IndexOf(LastTable >> 12, 1) * 8,
                ScriptedPageFormat.Page(firstTable + 2, Rw)); break;
            case < 4 + Windows:
                var window = _rebuild - 4;
                cpu.Store((firstTable + 2) * Page + (ulong)SpteTable.IndexOf((WindowBase >> 12) + (ulong)window, 1) * 8,
                    ScriptedPageFormat.Page(pages[_mapped[window]], Rw));
                break;
            default:
                cpu.SetGuestRoot(new GuestRoot(3, new Gfn(firstTable)));
                _rebuild = -2;
                Rebuilt++;
                break;
        }
        if (!cpu.Stopped) _rebuild++;
    }
}
