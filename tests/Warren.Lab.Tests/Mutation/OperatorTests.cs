using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Warren.Lab.Mutation;

namespace Warren.Lab.Tests.Mutation;

/// <summary>Each operator makes its mistake, and leaves alone what is none.</summary>
public sealed class OperatorTests
{
    [Theory]
    [InlineData("drop-statement", "{ _a.Flush(); Check.Mark(1); Debug.Assert(x); _counters.Seen++; _l.Lock(); }",
        "{ ; Check.Mark(1); Debug.Assert(x); _counters.Seen++; _l.Lock(); }")]
    [InlineData("drop-statement", "{ if (x) _sequence++; }", "{ if (x) ; }")]
    [InlineData("drop-undo", "{ try { A(); } catch { B(); C(); throw; } }", "{ try { A(); } catch { ; ; throw; } }")]
    [InlineData("drop-wait", "{ while (!Done()) Cpu.Relax(); }", "{ ; }")]
    [InlineData("late-snapshot", "{ var s = _seq; A(); B(); C(s); }", "{  A(); B(); var s = _seq; C(s); }")]
    [InlineData("swap-neighbours", "{ _a.B(); _c = 1; }", "{ _c = 1; _a.B(); }")]
    [InlineData("swap-neighbours", "{ var a = _a; _b = a; }")]
    [InlineData("drop-lock", "{ _l.Lock(); A(); _l.Unlock(); }", "{ ; A(); ; }")]
    [InlineData("drop-lock", "{ var idx = _s.ReadLock(); A(); _s.ReadUnlock(idx); }", "{ var idx = 0; A(); ; }")]
    [InlineData("weaken-lock", "{ _l.WriteLock(); A(); _l.WriteUnlock(); _m.Lock(); }",
        "{ _l.ReadLock(); A(); _l.ReadUnlock(); _m.Lock(); }")]
    [InlineData("lock-later", "{ _l.Lock(); A(); _l.Unlock(); }", "{ ; A(); _l.Lock(); _l.Unlock(); }")]
    [InlineData("lock-later", "{ _l.Lock(); try { A(); B(); } finally { _l.Unlock(); } }",
        "{ ; try { A(); _l.Lock(); B(); } finally { _l.Unlock(); } }")]
    [InlineData("unlock-earlier", "{ _l.Lock(); A(); _l.Unlock(); }", "{ _l.Lock(); _l.Unlock(); A(); ; }")]
    [InlineData("unlock-earlier", "{ _l.Lock(); try { A(); } finally { _l.Unlock(); } }",
        "{ _l.Lock(); try { _l.Unlock(); A(); } finally { ; } }")]
    [InlineData("check-before-lock", "{ _l.Lock(); if (_x) A(); _l.Unlock(); }",
        "{ bool askedEarly = _x; _l.Lock(); if (askedEarly) A(); _l.Unlock(); }")]
    [InlineData("weaken-atomic", "{ Atomics.Increment(ref _x); Interlocked.Increment(ref _y); }",
        "{ WeakAtomics.Increment(ref _x); Interlocked.Increment(ref _y); }")]
    [InlineData("blind-store", "{ if (!S.TryReplace(e, a, b)) return; }", "{ if (!(S.Exchange(e, b) is var _)) return; }")]
    [InlineData("drop-fence", "{ Atomics.Fence(); Atomics.Exchange(ref _x, 1); }", "{ ; Atomics.Exchange(ref _x, 1); }",
        "{ Atomics.Fence(); Atomics.Write(ref _x, 1); }")]
    [InlineData("drop-check", "{ if (_x) return; if (Check.On) return; }", "{ if (false) return; if (Check.On) return; }",
        "{ if (true) return; if (Check.On) return; }")]
    [InlineData("invert-check", "{ return _x ? 1 : 2; }", "{ return !(_x) ? 1 : 2; }")]
    [InlineData("drop-operand", "{ return _a && B(); }", "{ return (_a); }", "{ return (B()); }")]
    [InlineData("off-by-one", "{ return a <= b; }", "{ return a < b; }")]
    [InlineData("off-by-one", "{ return a + 1; }", "{ return (a); }")]
    [InlineData("stop-loop", "{ for (;;) A(); }", "{ for (;;) { A(); break; } }")]
    [InlineData("stop-loop", "{ for (var i = 0; i < n; i++) A(); }", "{ for (var i = 0; i < n; i++) { A(); break; } }",
        "{ for (var i = 0; i < (n) - 1; i++) A(); }")]
    [InlineData("wrong-which", "{ A(level, b, slot.AddressSpaceId, bank); }", "{ A((level + 1), b, slot.AddressSpaceId, bank); }",
        "{ A(level, b, (slot.AddressSpaceId * 0), bank); }", "{ A(level, b, slot.AddressSpaceId, (bank ^ 1)); }")]
    public void Each_makes_its_mistake(string name, string body, params string[] mutants)
    {
        var root = CSharpSyntaxTree.ParseText($"class C {{ void M() {body} }}").GetRoot();
        var block = root.DescendantNodes().OfType<MethodDeclarationSyntax>().Single().Body!;
        var made = MutationOperators.All.Single(o => o.Name == name).Edits(block).Select(e => MutantWriter.Apply(block, e.Changes));
        Assert.Equal(mutants, made);
    }
}
