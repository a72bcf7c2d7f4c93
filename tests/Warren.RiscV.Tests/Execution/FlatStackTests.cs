using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Decode;

namespace Warren.RiscV.Tests.Execution;

/// <summary>
/// Threaded code rests on every handler ending in a jump. Each is run in a chain of one and in a chain of many: the stack at the chain's
/// end must be at the same depth.
/// </summary>
public unsafe class FlatStackTests
{
    private const int Many = 200;

    [ThreadStatic]
    private static nint s_depth;

    public static TheoryData<string> Tables => ["Integer", "Bit", "Atomic", "Float", "System"];

    [Theory]
    [MemberData(nameof(Tables))]
    public void No_handler_grows_the_stack(string table)
    {
        var patterns = table switch
        {
            "Integer" => IntegerPatterns.All,
            "Bit" => BitPatterns.All,
            "Atomic" => AtomicPatterns.All,
            "Float" => FloatPatterns.All,
            _ => SystemPatterns.All,
        };
        var chained = 0;
        foreach (var pattern in patterns)
        {
            // What ends a block has no next op; a CSR is the hart's and not a state's alone, and its handlers are run below.
            var inBlock = pattern.Format
                is not (Format.Branch or Format.Jump or Format.JumpRegister or Format.Final or Format.Csr or Format.CsrConstant);
            var needsHart = pattern.Extension is Extension.Zicbom;
            if (!inBlock || needsHart)
                continue;

            foreach (var handler in (HandlerReference?[])[pattern.Handler, pattern.InPlace])
            {
                if (handler is not null)
                {
                    var one = Depth(handler.Code, 1);
                    var many = Depth(handler.Code, Many);
                    Assert.True(one == many, $"{pattern.Match:x8}: {(one - many) / Many} bytes of stack an instruction");
                    chained++;
                }
            }
        }

        Assert.True(chained > 4);
    }

    [Fact]
    public void A_loop_of_blocks_runs_in_one_frame()
    {
        // Branches, far and near jumps, calls, misses and system instructions, on a stack that would not hold a frame for each.
        Exception? failure = null;
        var thread = new System.Threading.Thread(
            () =>
            {
                try
                {
                    Loop();
                }
                catch (Xunit.Sdk.XunitException e)
                {
                    failure = e;
                }
            },
            512 * 1024);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private static void Loop()
    {
        using var snippet = Harness.Snippet.Run("""
            li s0, 60000
            la s1, scratch
            1: call 3f
            addi s2, s2, 1
            csrr s3, sstatus
            csrw sscratch, s3
            fence.i
            sfence.vma s1
            ld s4, 0(s1)
            sd s4, 8(s1)
            amoadd.d s4, s2, (s1)
            addi s0, s0, -1
            bnez s0, 1b
            j 2f
            .balign 4096
            3: ret
            2: li a0, 5
            """).ExpectFinish();
        Assert.Equal(5ul, snippet.A0);
    }

    private static nint Depth(Handler handler, int length)
    {
        var h = (HartState*)NativeMemory.AlignedAlloc((nuint)sizeof(HartState), 64);
        var ops = (Op*)NativeMemory.AllocZeroed((nuint)(length + 1), (nuint)sizeof(Op));
        var page = (byte*)NativeMemory.AlignedAlloc(4096, 4096);
        var tlb = (byte*)NativeMemory.AlignedAlloc(32768, 4096);
        try
        {
            *h = default;
            h->FloatState = 3;
            h->Mode = PrivilegeMode.Supervisor;
            new Span<byte>(page, 4096).Clear();

            // Every entry of the TLB leads page 0x1000 to the page.
            for (var i = 0; i < 2048; i++)
            {
                ((ulong*)tlb)[2 * i] = 0x1000;
                ((ulong*)tlb)[(2 * i) + 1] = (ulong)page - 0x1000;
            }

            h->Tlb = tlb;
            h->R[5] = 0x1000;
            h->R[6] = 3;
            for (var i = 0; i < length; i++)
                ops[i] = new Op { Run = handler, Rd = 7, A = 5, B = 6 };

            ops[length].Run = &Probe;
            ops->Run(h, ops, 1000);
            return s_depth;
        }
        finally
        {
            NativeMemory.AlignedFree(h);
            NativeMemory.AlignedFree(page);
            NativeMemory.AlignedFree(tlb);
            NativeMemory.Free(ops);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Probe(HartState* h, Op* op, long budget)
    {
        byte here = 0;
        s_depth = (nint)(&here);
    }
}
