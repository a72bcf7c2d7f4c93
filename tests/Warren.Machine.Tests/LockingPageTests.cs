using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;
using Warren.RiscV;

namespace Warren.Machines.Tests;

/// <summary>docs/locking.md and the declarations in the code say the same, class by class.</summary>
public sealed partial class LockingPageTests
{
    private static readonly Assembly[] Layers =
        [typeof(LockClass).Assembly, typeof(HostMemoryLocks).Assembly, typeof(VirtualMachine).Assembly, typeof(Hart).Assembly,
            typeof(LockClasses).Assembly];

    private sealed record Row(string Name, IReadOnlyList<string> Inside, string Holder);

    [Fact]
    public void Every_class_has_a_row_and_every_row_a_class()
    {
        Assert.Equal(Declared().Select(c => c.Name).Order(StringComparer.Ordinal),
            Rows().Select(r => r.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_names_the_classes_that_the_declaration_names()
    {
        var rows = Rows().ToDictionary(r => r.Name);
        var wrong = Declared().Where(c => rows.ContainsKey(c.Name))
            .Select(c => (c.Name, Code: Sorted(c.MayNestIn.Select(o => o.Name)), Page: Sorted(rows[c.Name].Inside)))
            .Where(p => p.Code != p.Page).Select(p => $"{p.Name}: the code says [{p.Code}], the page [{p.Page}]").ToArray();
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));

        static string Sorted(IEnumerable<string> names) => string.Join(", ", names.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_says_what_a_holder_may_do()
    {
        var rows = Rows().ToDictionary(r => r.Name);
        foreach (var c in Declared())
        {
            Assert.True(rows[c.Name].Holder.StartsWith(c.HolderContext.ToString().ToLowerInvariant(), StringComparison.Ordinal),
                $"{c.Name}: {c.HolderContext}, not {rows[c.Name].Holder}");
        }
    }

    [Fact]
    public void The_declared_order_has_no_circle() => Assert.Null(DeclaredOrder.FindCircle(Declared()));

    [Fact]
    public void The_orders_that_kvm_documents_are_the_declared_ones()
    {
        var by = Declared().ToDictionary(c => c.Name);
        // Documentation/virt/kvm/locking.rst, those that have a counterpart here.
        foreach (var (outer, inner) in new[]
        {
            ("slots_lock", "slots_arch_lock"), ("slots_lock", "kvm_srcu"), ("kvm_srcu", "slots_arch_lock"),
            ("mmu_lock", "tdp_mmu_pages_lock"), ("kvm_srcu", "mmu_lock"),
            ("invalidate_range", "mmu_lock"), ("invalidate_range", "kvm_srcu"), ("mmap_lock", "invalidate_range"),
            ("may_reclaim", "invalidate_range"),
            // Where KVM keeps the two apart: a joining update goes through the list of notifications inside mmu_lock.
            ("mmu_lock", "mn_invalidate_lock"),
        })
        {
            Assert.True(DeclaredOrder.Allows(by[outer], by[inner]), $"{inner} inside {outer}");
        }

        foreach (var (outer, inner) in new[]
        {
            // Notifiers take neither slot lock, readers not the one that is held over grace periods; who spins neither allocates nor
            // faults; leaves stay leaves.
            ("invalidate_range", "slots_lock"), ("invalidate_range", "slots_arch_lock"), ("kvm_srcu", "slots_lock"),
            ("mmu_lock", "mmap_lock"), ("mmu_lock", "may_reclaim"),
            ("slots_arch_lock", "slots_lock"), ("mn_invalidate_lock", "mmu_lock"), ("tdp_mmu_pages_lock", "mmu_lock"),
        })
        {
            Assert.False(DeclaredOrder.Allows(by[outer], by[inner]), $"{inner} inside {outer}");
        }
    }

    private static List<LockClass> Declared()
    {
        LockClasses.Declare();
        var found = new List<LockClass>();
        foreach (var type in Layers.SelectMany(a => a.GetTypes()).Where(t => !t.ContainsGenericParameters))
        {
            foreach (var field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
                .Where(f => f.FieldType == typeof(LockClass)))
            {
                RuntimeHelpers.RunClassConstructor(type.TypeHandle);
                found.Add((LockClass)field.GetValue(null)!);
            }
        }

        return found;
    }

    private static List<Row> Rows()
    {
        var rows = new List<Row>();
        foreach (var line in File.ReadLines(PagePath()).Where(l => l.StartsWith("| `", StringComparison.Ordinal)))
        {
            var cells = line.Split('|').Select(c => c.Trim()).ToArray();
            rows.Add(new Row(cells[1].Trim('`'), [.. Code().Matches(cells[4]).Select(m => m.Groups[1].Value)], cells[5]));
        }

        return rows;
    }

    private static string PagePath()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Warren.slnx")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("These tests run inside the repository.");
        return Path.Combine(directory, "docs", "locking.md");
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
