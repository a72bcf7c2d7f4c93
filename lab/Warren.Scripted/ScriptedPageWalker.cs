using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Scripted;

/// <summary>How a walker of guest tables reaches them: inside guest mode, or outside it.</summary>
internal interface IWalkedTables
{
    GuestWalkStatus Read(Gpa gpa, out ulong value);

    GuestWalkStatus CompareExchange(Gpa gpa, ulong expected, ulong value, out bool exchanged);
}

/// <summary>Walks tables of <see cref="ScriptedPageFormat"/>.</summary>
internal static unsafe class ScriptedPageWalker
{
    /// <summary>
    /// Finds the leaf of an address, judges the access by it, and sets A, and D for a write, or faults where they are not set.
    /// </summary>
    /// <param name="memory">where the tables are</param>
    /// <param name="root">with translation</param>
    /// <param name="address">guest virtual address</param>
    /// <param name="access">what is about to be done</param>
    /// <param name="mode">in which mode</param>
    /// <param name="setsMarks">false: a missing A or D is a page fault</param>
    /// <param name="walk">filled in when the answer is Ok</param>
    public static GuestWalkStatus Walk<TMemory>(ref TMemory memory, GuestRoot root, Gva address, GuestAccess access, GuestPrivilege mode,
        bool setsMarks, ref GuestWalk walk)
        where TMemory : struct, IWalkedTables
    {
        var unused = 64 - VirtualMachine.PageShift - root.Levels * SpteTable.IndexBits;
        if ((ulong)((long)(address.Value << unused) >> unused) != address.Value) return GuestWalkStatus.PageFault;
        walk.RootLevel = root.Levels;
        var page = address.PageNumber;
        var table = root.Gfn;
        for (var level = root.Levels; level >= 1; level--)
        {
            var index = SpteTable.IndexOf(page, level);
            var gpa = table.Gpa + (ulong)index * sizeof(ulong);
            for (; ; )
            {
                var status = memory.Read(gpa, out var bits);
                if (status != GuestWalkStatus.Ok) return status;
                var pte = ScriptedPageFormat.Instance.Decode(bits, level, index);
                if (!pte.IsPresent) return GuestWalkStatus.PageFault;
                walk.TableGfn[level] = table.Value;
                walk.Entries[level] = bits;
                if (!pte.IsLeaf)
                {
                    table = pte.Gfn;
                    break;
                }
                if (!Allows(pte.Rights, access, mode)) return GuestWalkStatus.PageFault;
                var marks = access == GuestAccess.Write ? ScriptedPageFormat.A | ScriptedPageFormat.D : ScriptedPageFormat.A;
                if ((bits & marks) != marks)
                {
                    if (!setsMarks) return GuestWalkStatus.PageFault;
                    status = memory.CompareExchange(gpa, bits, bits | marks, out var exchanged);
                    if (status != GuestWalkStatus.Ok) return status;
                    if (!exchanged) continue;
                    bits |= marks;
                    walk.Entries[level] = bits;
                }
                walk.Leaf = ScriptedPageFormat.Instance.Decode(bits, level, index);
                walk.LeafLevel = level;
                walk.Gfn = pte.Gfn + (page & SpteTable.PagesPerEntry(level) - 1);
                return GuestWalkStatus.Ok;
            }
        }
        // An entry of level 1 that is present is a leaf.
        return GuestWalkStatus.PageFault;
    }

    private static bool Allows(GuestRights rights, GuestAccess access, GuestPrivilege mode)
    {
        if ((rights & GuestRights.User) != 0)
        {
            if ((mode & GuestPrivilege.User) == 0 && ((mode & GuestPrivilege.Sum) == 0 || access == GuestAccess.Execute)) return false;
        }
        else if ((mode & GuestPrivilege.User) != 0)
        {
            return false;
        }
        return access switch
        {
            GuestAccess.Read => (rights & GuestRights.Read) != 0 || (mode & GuestPrivilege.Mxr) != 0 && (rights & GuestRights.Execute) != 0,
            GuestAccess.Write => (rights & GuestRights.Write) != 0,
            _ => (rights & GuestRights.Execute) != 0,
        };
    }
}
