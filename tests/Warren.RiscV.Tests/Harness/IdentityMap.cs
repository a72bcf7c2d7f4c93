using System.Buffers.Binary;

namespace Warren.RiscV.Tests.Harness;

/// <summary>
/// Page tables that map the test machine's RAM onto itself in 4 KiB pages: U mode has all but the first, which is S mode's.
/// Every other page starts without its accessed and dirty bits.
/// </summary>
internal static class IdentityMap
{
    private const ulong Tables = TestMachine.RamBase + TestMachine.RamBytes - 0x10_0000;
    private const int PageBytes = 4096;

    /// <summary>Writes the tables and returns the satp that selects them.</summary>
    /// <param name="machine">Whose RAM.</param>
    /// <param name="mode">satp.MODE: 8, 9 or 10 for Sv39, Sv48, Sv57.</param>
    public static ulong Install(TestMachine machine, int mode)
    {
        var leafTables = (int)(TestMachine.RamBytes >> 21);
        for (var table = 0; table < leafTables; table++)
        {
            var first = TestMachine.RamBase + ((ulong)table << 21);
            WriteTable(machine, Leaf(table), index => Entry(first + (ulong)index * PageBytes, Flags(table, index)));
        }

        // All of RAM lies in one gigabyte, so each level above has one table and, but for the lowest, one entry.
        var directory = Leaf(leafTables);
        WriteTable(machine, directory, index => index < leafTables ? Entry(Leaf(index), 1) : 0);
        var root = directory;
        for (var level = 2; level < mode - 5; level++)
        {
            var below = root;
            root = Leaf(leafTables + level - 1);
            var slot = (int)(TestMachine.RamBase >> (12 + 9 * level)) & 511;
            WriteTable(machine, root, index => index == slot ? Entry(below, 1) : 0);
        }

        return ((ulong)mode << 60) | (root >> 12);
    }

    private static ulong Leaf(int table) => Tables + (ulong)table * PageBytes;

    private static ulong Flags(int table, int index)
    {
        const ulong valid = 1, readWriteExecute = 0xe, user = 0x10, accessedDirty = 0xc0;
        var supervisor = table == 0 && index == 0;
        return valid | readWriteExecute | (supervisor ? accessedDirty : user) | ((index & 1) != 0 ? accessedDirty : 0);
    }

    private static ulong Entry(ulong address, ulong flags) => (address >> 12 << 10) | flags;

    private static void WriteTable(TestMachine machine, ulong address, Func<int, ulong> entry)
    {
        Span<byte> page = stackalloc byte[PageBytes];
        for (var i = 0; i < 512; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(page[(i * 8)..], entry(i));

        machine.Write(address, page);
    }
}
