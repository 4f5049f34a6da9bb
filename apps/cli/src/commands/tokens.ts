import { LONGEST_TOKEN_DAYS, ROUTES, type TokenView, USER_ROLES, type UserRole } from '@landfall/contract';
import { choice, wholeNumber, type Call, type CommonOptions, type LandfallCommand } from '../command-line.js';
import { TOKEN_NAME } from '../ids.js';
import { formatTable } from '../output/table.js';
import { formatTime } from '../output/units.js';
import { connect } from '../stack/connect.js';

/** Tokens: who may call the API. */
export function describeTokenCommands(program: LandfallCommand): void {
  const token = program.command('token').description('tokens: who may do what');
  token
    .command('create <name>')
    .description('make a token for somebody; its text is shown this once')
    .addOption(choice('--role <role>', 'what it may do', USER_ROLES).makeOptionMandatory())
    .option(
      '--days <days>',
      'for how long it is good; left out: until it is revoked',
      wholeNumber(1, LONGEST_TOKEN_DAYS),
    )
    .does(createToken, OF_TOKEN);
  token.command('list').description('all tokens, without their text').does(listTokens);
  token.command('revoke <name>').description('from now on it opens nothing').does(revokeToken, OF_TOKEN);
}

const OF_TOKEN = { ids: [TOKEN_NAME] };

interface CreateOptions extends CommonOptions {
  readonly role: UserRole;
  readonly days?: number;
}

async function createToken({ args, options, output }: Call<CreateOptions>): Promise<void> {
  const days = options.days === undefined ? {} : { days: options.days };
  const { api } = connect(options.data);
  const made = await api.ask(ROUTES.createToken, { body: { name: args[0]!, role: options.role, ...days } });
  output.say(
    `The token of ${made.name} (${made.role}${made.expiresAt === null ? '' : `, until ${formatTime(made.expiresAt)}`}) is ` +
      'shown this once. Whoever has it sets LANDFALL_TOKEN to it, or signs in at the console with it.',
  );
  output.print(made, () => made.token);
}

async function listTokens({ options, output }: Call): Promise<void> {
  const tokens = await connect(options.data).api.ask(ROUTES.listTokens, {});
  output.print(tokens, () =>
    formatTable(
      ['NAME', 'ROLE', 'MADE', 'BY', 'ENDS'],
      tokens.map((token) => [
        token.name,
        token.role,
        formatTime(token.createdAt),
        token.createdBy ?? '-',
        endOf(token),
      ]),
    ),
  );
}

function endOf({ expiresAt, revokedAt }: TokenView): string {
  if (revokedAt !== null) return `revoked ${formatTime(revokedAt)}`;
  return expiresAt === null ? 'never' : formatTime(expiresAt);
}

async function revokeToken({ args, options, output }: Call): Promise<void> {
  const name = args[0]!;
  await connect(options.data).api.ask(ROUTES.revokeToken, { params: { name } });
  output.print({ name, revoked: true }, () => `The token of ${name} is revoked: it opens nothing any more.`);
}
