"""Small inputs as a team would drop them: one day's bookings, one cohort's calls."""

from datetime import date

HEADER = "transaction_id,booked_at,account_id,category,amount,currency"


def bookings(day: date, rows: int, source: str = "till", amount: str = "10.10") -> bytes:
    """A day's CSV with `rows` good bookings of `amount` EUR each."""
    lines = [
        f"{source}-{day:%Y%m%d}-{number:05d},{day}T12:00:00Z,acct-{number % 7},groceries,"
        f"{amount},EUR"
        for number in range(rows)
    ]
    return "\n".join([HEADER, *lines, ""]).encode()


def calls(sites: int = 6, samples: int = 4) -> bytes:
    """A VCF of `sites` positions, every second one of low quality (10, the others 60)."""
    names = [f"S{number}" for number in range(samples)]
    lines = [
        "##fileformat=VCFv4.2",
        "##contig=<ID=chr20,length=64444167>",
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth over all samples">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">',
        "\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *names]),
    ]
    for site in range(sites):
        quality = 60 if site % 2 == 0 else 10
        genotypes = [("0/0", "0/1", "1/1")[(site + n) % 3] + ":20:50" for n in range(samples)]
        fixed = f"chr20\t{1000 + site}\t.\tA\tG\t{quality}\tPASS\tDP=80\tGT:DP:GQ"
        lines.append("\t".join([fixed, *genotypes]))
    return "\n".join([*lines, ""]).encode()


def csv_config(source: str, target: str) -> dict[str, object]:
    """Run config of the job `csv_to_parquet`: from the landing zone, to its own data folder."""
    paths = {"input_path": source, "output_path": target}
    return {"ops": {"drop_incomplete_rows": {"config": paths}}}
