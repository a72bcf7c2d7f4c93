using Warren.Lab.Fuzz;

namespace Warren.Lab.Tests.Fuzz;

public sealed class ProgramTextTests
{
    private const string Text =
        "pages 2; file 1; weak; vm; vm shadow tables; setup set 0 0 0 1 0 1, as 1, load 0 0; thread loads 0 0, remap 1 0 3; thread "
        + "discard 2 0";

    [Fact]
    public void A_program_is_read_as_it_was_written()
    {
        Assert.Equal(Text, FuzzProgram.Parse(Text).ToString());
        Assert.Equal(Text, FuzzProgram.Parse(Text.Replace("; ", "\n", StringComparison.Ordinal)).ToString());
    }

    [Fact]
    public void Drawn_and_changed_programs_are_read_as_they_were_written()
    {
        var generator = new ProgramGenerator(3);
        var other = generator.Draw();
        for (var i = 0; i < 2_000; i++)
        {
            var program = generator.Draw();
            Assert.Equal(program.ToString(), FuzzProgram.Parse(program.ToString()).ToString());
            program = generator.Change(program, other);
            Assert.Equal(program.ToString(), FuzzProgram.Parse(program.ToString()).ToString());
            other = program;
        }
    }

    [Fact]
    public void Every_operation_is_drawn()
    {
        var generator = new ProgramGenerator(4);
        var words = new HashSet<string>();
        for (var i = 0; i < 5_000; i++)
        {
            var program = generator.Draw();
            words.UnionWith(program.Setup.Concat(program.ThreadOps).Select(o => o.Kind.Word));
        }

        Assert.Empty(OpKinds.All.Select(k => k.Word).Except(words));
        Assert.Equal(OpKinds.All.Count, OpKinds.All.DistinctBy(k => k.Word).Count());
    }

    [Theory]
    [InlineData("", "1 to 3 VMs, and this one 0")]
    [InlineData("vm", "1 to 4 threads, and this one 0")]
    [InlineData("vm; vm; vm; vm; thread", "1 to 3 VMs, and this one 4")]
    [InlineData("vm; thread; thread; thread; thread; thread", "1 to 4 threads, and this one 5")]
    [InlineData("vm fast; thread", "no option 'fast'")]
    [InlineData("pages 9; vm; thread", "needs a number from 1 to 4")]
    [InlineData("pages; vm; thread", "needs a number from 1 to 4")]
    [InlineData("pages -1; vm; thread", "needs a number from 1 to 4")]
    [InlineData("weak weak; vm; thread", "no statement")]
    [InlineData("vm; threads load 0 0", "no statement")]
    [InlineData("vm; thread jump 0 0", "no operation 'jump'")]
    [InlineData("vm; thread load 0", "has 1 arguments, and load takes 2")]
    [InlineData("vm; thread load 1 0", "argument 1 is at most 0")]
    [InlineData("vm; thread load 0 8", "argument 2 is at most 7")]
    [InlineData("vm; thread load 0 99999999999999999999", "needs a number")]
    [InlineData("vm; thread as 0", "belongs into the setup")]
    [InlineData("vm; thread load 0 \u001b[31m", "needs a number from 0 to 2147483647, and has '?[31m'")]
    public void What_is_no_program_is_refused_with_a_sentence(string text, string part) =>
        Assert.Contains(part, Assert.Throws<FormatException>(() => FuzzProgram.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Too_many_operations_are_refused()
    {
        var text = $"vm; thread {string.Join(", ", Enumerable.Repeat("load 0 0", FuzzProgram.MaxOps + 1))}";
        Assert.Contains("At most 24", Assert.Throws<FormatException>(() => FuzzProgram.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_texts_are_read_or_refused_and_never_anything_else()
    {
        var dice = new Dice(5);
        const string Characters = " ;,\nabcdefghijklmnopqrstuvwxyz-0123456789\0é";
        for (var i = 0; i < 20_000; i++)
        {
            var text = new List<char>(new ProgramGenerator((ulong)(i / 100)).Draw().ToString());
            for (var left = 1 + dice.Below(4); left > 0; left--)
            {
                var at = dice.Below(text.Count);
                if (dice.Below(2) == 0)
                    text[at] = Characters[dice.Below(Characters.Length)];
                else
                    text.RemoveRange(at, Math.Min(text.Count - at, 1 + dice.Below(6)));
            }

            try
            {
                var program = FuzzProgram.Parse(new string([.. text]));
                Assert.Equal(program.ToString(), FuzzProgram.Parse(program.ToString()).ToString());
            }
            catch (FormatException e)
            {
                Assert.InRange(e.Message.Length, 10, 600);
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }
}
