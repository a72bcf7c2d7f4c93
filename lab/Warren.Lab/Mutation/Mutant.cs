using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Warren.Lab.Mutation;

/// <summary>One mistake in one place of the production sources.</summary>
/// <param name="Number">In the set of all, from 0, in the order of the sources: what the switch is set to.</param>
/// <param name="Id">Eight hexadecimal digits made of file, member, operator and the text that goes: it stays when the code around it
/// changes.</param>
/// <param name="Member">Where it is.</param>
/// <param name="Operator">Which kind of mistake.</param>
/// <param name="Line">In the file, from 1.</param>
/// <param name="Before">What goes, on one line.</param>
/// <param name="After">What stands there instead.</param>
internal sealed record Mutant(int Number, string Id, MutatedMember Member, string Operator, int Line, string Before, string After,
    Edit Edit)
{
    internal string File => Member.File;

    /// <summary>"src/Warren.Locking/Srcu.cs:124 Srcu.Drain(…) drop-check".</summary>
    internal string Place => string.Create(CultureInfo.InvariantCulture, $"{File}:{Line} {Member.Name} {Operator}");

    internal static string IdOf(string file, string member, string operatorName, string before, string after, int ordinal)
    {
        var text = $"{file}\n{member}\n{operatorName}\n{before}\n{after}\n{ordinal}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..8];
    }
}
