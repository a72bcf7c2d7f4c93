using System.Diagnostics;
using System.Threading;
using Warren.HostMemory;
using static Warren.Hypervisor.Tests.Shadow.ShadowFixture;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// Guests that change their tables as fast as they can while the host takes pages away, slots come and go and devices write: after its
/// fence each vCPU sees exactly what it has mapped, and whenever all stand still every SPTE can be accounted for.
/// </summary>
public sealed class ShadowStressTests
{
    private const int Rounds = 12;
    private const int StepsPerRound = 1500;
    private const ulong DataPages = 256;
    private const ulong DataGfn = 0x400;

    [Theory]
    [InlineData(0)]
    [InlineData(80)]
    public void Tables_in_motion(int pageLimit)
    {
        using ShadowFixture f = new(vcpus: 3);
        f.Mmu.PageLimit = pageLimit;
        var shared = f.NewTable();
        f.MapLinear(shared, 3);
        for (ulong i = 0; i < DataPages; i++) f.Poke((DataGfn + i) * Page, DataGfn + i);
        Guest[] guests = [.. Enumerable.Range(0, 3).Select(i => new Guest(f, i, shared))];
        var other = f.Memory.Map(64 * Page, VmaProtection.Read | VmaProtection.Write);
        for (var round = 0; round < Rounds; round++)
        {
            Exception? failed = null;
            var running = guests.Length;
            List<Thread> threads = [];
            foreach (var guest in guests)
            {
                Thread thread = new(() =>
                {
                    try
                    {
                        for (var i = 0; i < StepsPerRound && Volatile.Read(ref failed) is null; i++) guest.Step();
                    }
                    catch (Exception e)
                    {
                        Interlocked.CompareExchange(ref failed, e, null);
                    }
                    Interlocked.Decrement(ref running);
                });
                threads.Add(thread);
                thread.Start();
            }
            Random random = new(round);
            var clock = Stopwatch.StartNew();
            while (Volatile.Read(ref running) > 0)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), "the guests do not get on");
                switch (random.Next(4))
                {
                    case 0:
                        var start = (ulong)random.Next((int)Pages - 64);
                        f.Vm.ZapGfnRange(0, new Gfn(start), new Gfn(start + 64));
                        break;
                    case 1:
                        f.SetSlot(1, 0x8000_0000, 64 * Page, other);
                        f.SetSlot(1, 0, 0, default);
                        break;
                    case 2:
                        guests[random.Next(3)].HostWrite(random);
                        break;
                    default:
                        Thread.Sleep(1);
                        break;
                }
            }
            foreach (var thread in threads) thread.Join();
            if (failed is not null) throw new InvalidOperationException($"round {round}", failed);
            Assert.Null(f.Vm.ErrorReason);
            f.Verify();
            if (pageLimit != 0) Assert.InRange(f.Mmu.Pages.Count, 0, pageLimit);
        }
        Assert.True(f.Mmu.Counters.UnsyncMarked > 100);
        Assert.True(f.Mmu.Counters.PagesSynced > 100);
    }

    /// <summary>A vCPU with two roots of its own, which share its tables of levels 1 and 2, and the linear map that all share.</summary>
    private sealed class Guest
    {
        private const ulong Base = 0x4000_0000;
        private const int Slots = 96;

        private readonly ShadowFixture _f;
        private readonly PagingEngine _cpu;
        private readonly Random _random;
        private readonly ulong[] _roots = new ulong[2];
        private readonly ulong[] _entries = new ulong[Slots];
        private readonly ulong[] _addresses = new ulong[Slots];
        /// <summary>The mapping of each address since the last fence for it; 0: nothing. Writable in bit 63.</summary>
        private readonly ulong[] _mapped = new ulong[Slots];
        private readonly ulong _scratch;
        private int _steps;

        public Guest(ShadowFixture f, int id, ulong shared)
        {
            _f = f;
            _cpu = f.Cpus[id];
            _random = new Random(100 + id);
            _roots[0] = f.NewTable();
            _roots[1] = f.NewTable();
            _scratch = f.NewTable();
            var linear = f.Peek(EntryAddress(shared, Linear, 3));
            for (var i = 0; i < Slots; i++)
            {
                // Three tables of level 1, and leaves of 2 MiB never, so that each address has an entry of its own.
                _addresses[i] = Base + (ulong)(i / 32) * 0x20_0000 + (ulong)(i % 32) * Page;
                _entries[i] = f.MapAt(_roots[0], 3, _addresses[i], DataGfn, 0);
                f.Poke(_entries[i], 0);
            }
            f.Poke(EntryAddress(_roots[1], Base, 3), f.Peek(EntryAddress(_roots[0], Base, 3)));
            foreach (var root in _roots) f.Poke(EntryAddress(root, Linear, 3), linear);
            _cpu.SetRoot(3, _roots[0]);
        }

        public void Step()
        {
            _steps++;
            var i = _random.Next(Slots);
            switch (_random.Next(10))
            {
                case 0:
                case 1:
                case 2:
                    Change(i);
                    break;
                case 3:
                    _cpu.SetRoot(3, _roots[_random.Next(2)]);
                    break;
                case 4:
                    MoveTable(i / 32);
                    break;
                case 5:
                    // Data where tables are not, by the linear map.
                    Assert.Equal(Outcome.Done, _cpu.Store(Linear + (_scratch << 12) + (ulong)(_random.Next(512) * 8), (ulong)_steps << 1));
                    break;
                default:
                    Check(i);
                    break;
            }
        }

        private void Change(int i)
        {
            var gfn = DataGfn + (ulong)_random.Next((int)DataPages);
            var writable = _random.Next(2) == 0;
            var entry = _random.Next(4) == 0 ? 0
                : TestFormat.Leaf(gfn,
                    TestFormat.R | (writable ? TestFormat.W : 0) | (_random.Next(2) == 0 ? TestFormat.A | TestFormat.D : 0));
            Assert.Equal(Outcome.Done, _cpu.Store(Linear + _entries[i], entry));
            if (_random.Next(3) == 0) _cpu.Fence();
            else _cpu.Fence(_addresses[i]);
            _mapped[i] = entry == 0 ? 0 : gfn | (writable ? 1UL << 63 : 0);
            Check(i);
        }

        private void Check(int i)
        {
            var value = _cpu.Load(_addresses[i]);
            if (_mapped[i] == 0)
            {
                Assert.Equal(Outcome.PageFault, _cpu.Last);
                return;
            }
            Assert.Equal(Outcome.Done, _cpu.Last);
            Assert.Equal(_mapped[i] & ~(1UL << 63), value);
            // The same value again, by store: W is exact, too.
            if (_random.Next(2) == 0)
                Assert.Equal(_mapped[i] >> 63 != 0 ? Outcome.Done : Outcome.PageFault, _cpu.Store(_addresses[i] + 8, value));
        }

        /// <summary>Takes a table of level 1 out of the one above and puts it back: stores that are done for the guest.</summary>
        private void MoveTable(int which)
        {
            var middle = _f.Peek(EntryAddress(_roots[0], Base, 3)) >> 12;
            var at = Linear + EntryAddress(middle, Base + (ulong)which * 0x20_0000, 2);
            var was = _cpu.Load(at);
            Assert.Equal(Outcome.Done, _cpu.Store(at, 0));
            _cpu.Fence();
            _cpu.Load(_addresses[which * 32]);
            Assert.Equal(Outcome.PageFault, _cpu.Last);
            if (_random.Next(2) == 0) Assert.Equal(0UL, _cpu.CompareExchange(at, 0, was));
            else Assert.Equal(Outcome.Done, _cpu.Store(at, was));
            _cpu.Fence();
        }

        /// <summary>A device writes to a page of data that holds what it writes, and to a table, what stands there.</summary>
        public void HostWrite(Random random)
        {
            var gfn = DataGfn + (ulong)random.Next((int)DataPages);
            _f.Poke(gfn * Page, gfn);
            _f.Poke((_roots[random.Next(2)] << 12) + (ulong)random.Next(8, 16) * 8, 0);
        }
    }
}
