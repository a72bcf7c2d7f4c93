using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>Faults that meet an invalidation between its start and its end, and what the host may answer them.</summary>
public abstract class InvalidationFaultTests(GateKind gate, MmuKind? kind = null)
{
    private const ulong Base = 0x8000_0000;

    [Fact]
    public void Nothing_is_mapped_in_the_range_until_the_end_and_a_kick_gets_the_vcpu_out()
    {
        using TdpFixture f = new(kind ?? MmuKind.Tdp, new VmOptions { Gate = gate });
        var hva = f.AddMemory(0, Base, 8 * Page);
        var done = false;
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            cpu.Store(Base + 2 * Page, 5UL);
            if (!cpu.Stopped) Volatile.Write(ref done, true);
            return GuestStep.Done;
        })));
        using (new HeldInvalidation(f.Memory, hva + 2 * Page, Page))
        {
            Crew crew = new();
            crew.Add(() =>
            {
                long budget = 100;
                Assert.Equal(VcpuExitReason.Interrupted, vcpu.Run(ref budget).Reason);
            });
            crew.Go(() =>
            {
                crew.Await(() => vcpu.Statistics.RetriesInvalidation > 3, "four retries");
                vcpu.Kick();
            });
            Assert.False(done);
            Assert.True(f.Leaf((Base >> 12) + 2).IsNone);
            // A page outside of the range goes on at once.
            new ScriptedVcpu(f.Vm).Store(Base + 3 * Page, 1UL);
        }
        long more = 100;
        Assert.Equal(VcpuExitReason.EnvironmentCall, vcpu.Run(ref more).Reason);
        Assert.True(done);
        f.Verify();
    }

    /// <summary>
    /// The fault has its frame and waits for mmu_lock while a whole invalidation comes and goes: only the sequence tells.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_fault_that_waited_through_an_invalidation_starts_again(bool huge)
    {
        using TdpFixture f = new(kind ?? MmuKind.Tdp, new VmOptions { Gate = gate });
        f.AddMemory(0, Base, Huge, hugePages: huge);
        ScriptedVcpu cpu = new(f.Vm);
        // Loads the root: only the fault itself is to wait.
        cpu.Load<ulong>(1UL << 47);
        f.Vm.MmuLock.WriteLock();
        Crew crew = new();
        crew.Add(() => cpu.Store(Base + Page, 2UL));
        crew.Go(() =>
        {
            crew.Await(() => f.Vm.MmuLock.IsContended, "the fault at mmu_lock");
            f.Vm.Invalidation.Begin();
            f.Vm.Invalidation.RangeAdd(new Gfn((Base >> 12) + 1), new Gfn((Base >> 12) + 2));
            f.Vm.Invalidation.End();
            f.Vm.MmuLock.WriteUnlock();
        });
        Assert.Equal(1, cpu.Vcpu.Statistics.RetriesInvalidation);
        Assert.Equal(2UL, cpu.Load<ulong>(Base + Page));
        f.Verify();
    }

    /// <summary>
    /// One range stands for all invalidations in progress, and covers what lies between two of them: who has been patient is not held off
    /// by it.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_page_between_two_that_are_being_invalidated_is_mapped_by_who_insists(bool host)
    {
        using TdpFixture f = new(new VmOptions { Gate = gate });
        var hva = f.AddMemory(0, Base, 3 * Page);
        f.WriteHost(hva + Page, 1);
        ScriptedVcpu cpu = new(f.Vm);
        using (new HeldInvalidation(f.Memory, hva, Page))
        using (new HeldInvalidation(f.Memory, hva + 2 * Page, Page))
        {
            f.Vm.MmuLock.ReadLock();
            Assert.True(f.Vm.Invalidation.RetryGfn(f.Vm.Invalidation.Sequence, new Gfn((Base >> 12) + 1)));
            f.Vm.MmuLock.ReadUnlock();
            if (host) Assert.True(f.Vm.WriteGuest(new Gpa(Base + Page), [2, 0, 0, 0, 0, 0, 0, 0]));
            Assert.Equal(host ? 2UL : 1UL, cpu.Load<ulong>(Base + Page));
        }
        f.Verify();
    }

    /// <summary>The faulting page is not being invalidated, another one of its 2 MiB is: a huge leaf would map it all the same.</summary>
    [Fact]
    public void No_huge_leaf_covers_a_page_that_is_being_invalidated()
    {
        using TdpFixture f = new(kind ?? MmuKind.Tdp, new VmOptions { Gate = gate });
        var hva = f.AddMemory(0, Base, Huge, hugePages: true);
        f.WriteHost(hva, 1);
        ScriptedVcpu cpu = new(f.Vm);
        using (new HeldInvalidation(f.Memory, hva + 7 * Page, Page))
        {
            Assert.Equal(1UL, cpu.Load<ulong>(Base));
            Assert.True(f.Leaf((Base >> 12) + 7).IsNone);
            Assert.False(f.Leaf(Base >> 12).IsHuge);
        }
        Assert.Equal(0UL, cpu.Load<ulong>(Base + 7 * Page));
        f.Verify();
    }

    [Fact]
    public void A_spent_budget_ends_the_vm_with_a_reason_and_not_the_process()
    {
        using FramePool pool = new(64L << 20);
        using MemoryBudget budget = new(16 * 4096);
        using AddressSpace memory = new(pool, budget);
        using VirtualMachine vm = new(memory, new VmOptions());
        var hva = memory.Map(64 * Page, VmaProtection.Read | VmaProtection.Write, hugePages: false);
        vm.SetUserMemoryRegion(
                new UserMemoryRegion { GuestPhysicalAddress = new Gpa(Base), MemorySize = 64 * Page, UserspaceAddress = hva });
        ulong next = 0;
        var faulted = false;
        var vcpu = vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            cpu.Store(Base + next * Page, 1UL);
            if (cpu.Stopped) return GuestStep.Continue;
            faulted |= cpu.Result == GuestAccessResult.AccessFault;
            next++;
            return GuestStep.Continue;
        })));
        VcpuExitReason reason;
        do
        {
            long slice = 1000;
            reason = vcpu.Run(ref slice).Reason;
        }
        while (reason == VcpuExitReason.Interrupted);
        Assert.Equal(VcpuExitReason.InternalError, reason);
        Assert.True(faulted);
        Assert.InRange(next, 1UL, 17UL);
        Assert.Equal(VmErrors.OutOfMemory, vm.ErrorReason);
    }

    [Fact]
    public void A_write_to_a_mapped_file_breaks_its_share_and_leaves_the_file_and_other_vms_alone()
    {
        var path = Path.GetTempFileName();
        try
        {
            var contents = new byte[3 * 4096 - 100];
            for (var i = 0; i < contents.Length; i++) contents[i] = (byte)(i / 4096 + 1);
            File.WriteAllBytes(path, contents);
            using FramePool pool = new(64L << 20);
            using AddressSpace one = new(pool);
            using AddressSpace two = new(pool);
            using VirtualMachine vmOne = new(one, new VmOptions());
            using VirtualMachine vmTwo = new(two, new VmOptions());
            using (var file = FileImage.Open(path))
            {
                foreach (var vm in new[] { vmOne, vmTwo })
                {
                    var hva = vm.Memory.MapFile(file, 0, 3 * Page, VmaProtection.Read | VmaProtection.Write);
                    vm.SetUserMemoryRegion(new UserMemoryRegion
                    { GuestPhysicalAddress = new Gpa(Base), MemorySize = 3 * Page, UserspaceAddress = hva });
                }
            }
            ScriptedVcpu first = new(vmOne);
            ScriptedVcpu second = new(vmTwo);
            Assert.Equal(0x0202_0202u, first.Fetch(Base + Page));
            Assert.Equal(0x0202_0202u, second.Fetch(Base + Page));
            Assert.Equal(first.Load<ulong>(Base + Page), second.Load<ulong>(Base + Page));
            first.Store(Base + Page, 0xabcdu);
            Assert.Equal(0xabcdu, first.Fetch(Base + Page));
            Assert.Equal(0xabcdu, first.Load<uint>(Base + Page));
            Assert.Equal(0x0202_0202u, second.Load<uint>(Base + Page));
            Assert.Equal(0x0202_0202u, second.Fetch(Base + Page));
            Assert.Equal(contents, File.ReadAllBytes(path));
            Assert.Equal(0, vmOne.Invalidation.InProgress);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>
    /// A big unmap and faults elsewhere share mmu_lock by turns; nothing the unmap took stays usable when it lets others in between.
    /// </summary>
    [Fact]
    public void A_zap_that_yields_leaves_nothing_behind()
    {
        const ulong Pages = 2048;
        using TdpFixture f = new(kind ?? MmuKind.Tdp, new VmOptions { Gate = gate, HugePages = false });
        var hva = f.AddMemory(0, Base, Pages * Page);
        f.AddMemory(1, Base + (1UL << 32), 64 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        Crew crew = new();
        ulong next = 0;
        crew.Run(f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(other =>
        {
            other.Store(Base + (1UL << 32) + next++ % 64 * Page, 1UL);
            return GuestStep.Continue;
        }))));
        crew.Add(() =>
        {
            while (!crew.Stopping) f.Vm.Mmu.AgeGfnRange(0, new Gfn(0), VirtualMachine.EndGfn, clear: true);
        });
        crew.Go(() =>
        {
            for (var round = 0; round < 8; round++)
            {
                for (ulong i = 0; i < Pages; i++) cpu.Store(Base + i * Page, i + 1);
                f.Memory.Discard(hva, Pages * Page);
                for (ulong i = 0; i < Pages; i += 97) Assert.Equal(0UL, cpu.Load<ulong>(Base + i * Page));
            }
        });
        f.Verify();
    }
}

public sealed class InvalidationFaultTestsWithJoin() : InvalidationFaultTests(GateKind.Join);

public sealed class InvalidationFaultTestsWithActiveCount() : InvalidationFaultTests(GateKind.ActiveCount);

public sealed class InvalidationFaultTestsWithShadow() : InvalidationFaultTests(GateKind.Join, MmuKind.Shadow);
