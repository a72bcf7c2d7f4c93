using Warren.Cli.CommandLine;

namespace Warren.Cli.Tests;

/// <summary>A slip on the command line is answered with what was probably meant, and a value with what it could be.</summary>
public sealed class CommandLineTests
{
    [Theory]
    // Commands, at every level.
    [InlineData("rum", "'rum' is not a command of 'warren'; did you mean 'run'?")]
    [InlineData("rnu", "'rnu' is not a command of 'warren'; did you mean 'run'?")]
    [InlineData("frobnicate", "'frobnicate' is not a command of 'warren'; see 'warren --help'.")]
    [InlineData("lab lst", "'lst' is not a command of 'warren lab'; did you mean 'list'?")]
    [InlineData("image lits", "'lits' is not a command of 'warren image'; did you mean 'list'?")]
    [InlineData("image", "'warren image' needs one of pull, list, verify or prune after it; see 'warren image --help'.")]
    [InlineData("--", "'warren' needs one of run, image, doctor, bench, lab or help after it; see 'warren --help'.")]
    [InlineData("help rum", "'rum' is not a command of 'warren'; did you mean 'run'?")]
    [InlineData("help lab rum", "'rum' is not a command of 'warren lab'; did you mean 'run'?")]
    [InlineData("help run now", "'now' is too much for 'warren run'; see 'warren run --help'.")]
    [InlineData("doctor now", "'now' is too much for 'warren doctor'; see 'warren doctor --help'.")]
    [InlineData("image list all", "'all' is too much for 'warren image list'; see 'warren image list --help'.")]
    // Options, at every level.
    [InlineData("run --memroy 512M", "'--memroy' is not an option of 'warren run'; did you mean '--memory'?")]
    [InlineData("run --cpu=2", "'--cpu' is not an option of 'warren run'; did you mean '--cpus'?")]
    [InlineData("run -x", "'-x' is not an option of 'warren run'; see 'warren run --help'.")]
    [InlineData("image pull --miror http://x", "'--miror' is not an option of 'warren image pull'; did you mean '--mirror'?")]
    [InlineData("bench --jsn fault", "'--jsn' is not an option of 'warren bench'; did you mean '--json'?")]
    [InlineData("doctor --hlep", "'--hlep' is not an option of 'warren doctor'; did you mean '--help'?")]
    [InlineData("--versoin", "'--versoin' is not an option of 'warren'; did you mean '--version'?")]
    [InlineData("lab run core --bond 2", "'--bond' is not an option of 'warren lab run'; did you mean '--bound'?")]
    [InlineData("--cpus 2 run", "'--cpus' is an option of 'warren run' and stands after it.")]
    [InlineData("run ls", "'ls' is not an option of 'warren run'; write a command for the guest after '--', as in 'warren run -- ls'.")]
    [InlineData("run @file",
        "'@file' is not an option of 'warren run'; write a command for the guest after '--', as in 'warren run -- @file'.")]
    // Values that are names.
    [InlineData("run --mmu shadwo", "--mmu takes tdp or shadow, not 'shadwo'; did you mean 'shadow'?")]
    [InlineData("run --gate jion", "--gate takes join or active-count, not 'jion'; did you mean 'join'?")]
    [InlineData("run --gate count-active", "--gate takes join or active-count, not 'count-active'; did you mean 'active-count'?")]
    [InlineData("run --paging sv84", "--paging takes sv39, sv48 or sv57, not 'sv84'; did you mean 'sv48'?")]
    [InlineData("run --guest selftset", "--guest takes selftest, not 'selftset'; did you mean 'selftest'?")]
    [InlineData("bench memslot", "There is no benchmark 'memslot'; did you mean 'memslots'?")]
    [InlineData("bench miss-tlb", "There is no benchmark 'miss-tlb'; did you mean 'tlb-miss'?")]
    [InlineData("lab run discard-vs-fault", "There is no scenario 'discard-vs-fault'; did you mean 'fault-vs-discard'?")]
    [InlineData("lab run fault-vs-discard --strategy prtfolio",
        "--strategy takes portfolio, exhaustive, random, pct or pos, not 'prtfolio'; did you mean 'portfolio'?")]
    // Values that are numbers, sizes and times.
    [InlineData("run --cpus four", "--cpus takes a number from 1 to 16, not 'four'.")]
    [InlineData("run --cpus 0", "--cpus takes a number from 1 to 16, not '0'.")]
    [InlineData("run --cpus 17", "--cpus takes a number from 1 to 16, not '17'.")]
    [InlineData("run --cpus 1.5", "--cpus takes a number from 1 to 16, not '1.5'.")]
    [InlineData("lab locks --cpus 99999999999999999999", "--cpus takes a number from 1 to 16, not '99999999999999999999'.")]
    [InlineData("bench fault --repeats many", "--repeats takes a number from 1 to 1000, not 'many'.")]
    [InlineData("bench fault --repeats 0", "--repeats takes a number from 1 to 1000, not '0'.")]
    [InlineData("lab run fault-vs-discard --bound two", "--bound takes a number from 0 to 3, not 'two'.")]
    [InlineData("lab run fault-vs-discard --seed -5", "--seed takes a number from 0 to 18446744073709551615, not '-5'.")]
    [InlineData("lab corpus --controls few", "--controls takes a number from 0 to 9223372036854775807, not 'few'.")]
    [InlineData("run --memory 1T", "--memory takes a whole number of MiB or GiB from 1M to 512G, like 512M or 2G, not '1T'.")]
    [InlineData("run --memory 1p", "--memory takes a whole number of MiB or GiB from 1M to 512G, like 512M or 2G, not '1p'.")]
    [InlineData("run --memory -1", "--memory takes a whole number of MiB or GiB from 1M to 512G, like 512M or 2G, not '-1'.")]
    [InlineData("run --memory 0", "--memory takes a whole number of MiB or GiB from 1M to 512G, like 512M or 2G, not '0'.")]
    [InlineData("run --memory 1.5G", "--memory takes a whole number of MiB or GiB from 1M to 512G, like 512M or 2G, not '1.5G'.")]
    [InlineData("run --memory 1500K", "--memory takes a whole number of MiB or GiB from 1M to 512G, like 512M or 2G, not '1500K'.")]
    [InlineData("run --timeout 0", "--timeout takes a time above zero and up to 24 days, like 500ms, 30s, 2m or 1h, not '0'.")]
    [InlineData("run --timeout -1", "--timeout takes a time above zero and up to 24 days, like 500ms, 30s, 2m or 1h, not '-1'.")]
    [InlineData("run --timeout 1000h", "--timeout takes a time above zero and up to 24 days, like 500ms, 30s, 2m or 1h, not '1000h'.")]
    [InlineData("run --timeout soon", "--timeout takes a time above zero and up to 24 days, like 500ms, 30s, 2m or 1h, not 'soon'.")]
    [InlineData("lab measure --time 0.00000001ms",
        "--time takes a time above zero and up to 24 days, like 500ms, 30s, 2m or 1h, not '0.00000001ms'.")]
    // No value, and too many.
    [InlineData("run --memory", "--memory needs a value: a whole number of MiB or GiB from 1M to 512G, like 512M or 2G.")]
    [InlineData("run --memory=", "--memory needs a value: a whole number of MiB or GiB from 1M to 512G, like 512M or 2G.")]
    [InlineData("run --kernel", "--kernel needs a value: the path of a file.")]
    [InlineData("run --kernel --initrd x", "--kernel needs a value: the path of a file.")]
    [InlineData("run --cpus --memory 1G", "--cpus needs a value: a number from 1 to 16.")]
    [InlineData("run --append", "--append needs a value.")]
    [InlineData("run --cpus 1 --cpus 2", "--cpus is given twice; give it once.")]
    [InlineData("run --kernel a --kernel b --kernel c", "--kernel is given 3 times; give it once.")]
    [InlineData("run --append a --append b", "--append is given twice; give it once.")]
    [InlineData("image pull --mirror", "--mirror needs a value: the root of a Debian archive, an http or https URL.")]
    [InlineData("lab run", "'warren lab run' needs a NAME; see 'warren lab run --help'.")]
    [InlineData("lab measure --gate", "--gate needs a value.")]
    public void A_slip_is_answered_with_what_was_meant(string arguments, string sentence)
    {
        var (status, output, error) = WarrenProcess.Run(arguments.Split(' '));
        Assert.Equal((125, "", $"warren: {sentence}\n"), (status, output, error));
    }

    [Theory]
    [InlineData("--memory", "")]
    [InlineData("--kernel", "")]
    [InlineData("--timeout", "")]
    [InlineData("--cpus", "")]
    [InlineData("--mirror", "")]
    public void An_empty_value_is_answered_in_one_sentence(string option, string value)
    {
        var (status, output, error) = WarrenProcess.Run("run", option, value);
        Assert.Equal((125, ""), (status, output));
        Assert.StartsWith($"warren: {option} takes ", error, StringComparison.Ordinal);
        Assert.EndsWith(", not ''.\n", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("memroy", new[] { "memory" })]
    [InlineData("--MEMORY", new[] { "memory" })]
    [InlineData("count-active", new[] { "active-count" })]
    [InlineData("gate", new[] { "gate-create", "gate-nested" })]
    [InlineData("memory", new[] { "memory" })]
    [InlineData("zzz", new string[0])]
    [InlineData("-", new string[0])]
    [InlineData("", new string[0])]
    public void What_is_near_is_found_and_nothing_else(string word, string[] near) =>
        Assert.Equal(near, NearestNames.Of(word, ["active-count", "gate-create", "gate-nested", "join", "memory", "memories"]));

    [Theory]
    [InlineData(1L << 20, "1M")]
    [InlineData(1536L << 20, "1536M")]
    [InlineData(512L << 30, "512G")]
    [InlineData(1000, "1000")]
    [InlineData(0, "0")]
    public void A_size_is_written_as_it_is_read(long bytes, string text)
    {
        Assert.Equal(text, OptionParsers.Size(bytes));
        Assert.True(OptionParsers.TrySize(text, out var read));
        Assert.Equal(bytes, read);
    }
}
